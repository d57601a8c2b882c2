"""Encodings: found out where that is safe, refused loudly where it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_pipeline.intake.readers import RawSheet, ReadError, ReadOptions, read_file
from registry_pipeline.intake.readers.delimited import read_delimited
from registry_pipeline.intake.readers.source import Source

CHINESE = "病案号,病理类型,转移部位\n001,鳞状细胞癌,锁骨上淋巴结\n002,腺癌,肺\n"
FRENCH = "numéro;sexe;décédée\n1;féminin;non\n2;féminin;à vérifier\n"
GERMAN = "Nr;Größe;Befund\n1;12;Läsion rückläufig\n2;9;unverändert\n"


def read_bytes(data: bytes, encoding: str | None = None) -> RawSheet:
    return read_delimited(Source(data, ".csv"), ReadOptions(encoding=encoding))[0]


@pytest.mark.parametrize(
    "codec, label",
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("gb18030", "gb18030"),
        ("gbk", "gb18030"),
        ("gb2312", "gb18030"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_chinese_text_is_read_in_every_encoding(codec: str, label: str) -> None:
    sheet = read_bytes(CHINESE.encode(codec))
    assert sheet.header == ("病案号", "病理类型", "转移部位")
    assert sheet.frame.rows() == [("001", "鳞状细胞癌", "锁骨上淋巴结", 2), ("002", "腺癌", "肺", 3)]
    assert sheet.encoding == label


@pytest.mark.parametrize("text", [FRENCH, GERMAN])
@pytest.mark.parametrize("declared", [None, "cp1252", "latin-1"])
def test_western_accents_are_not_taken_for_chinese(text: str, declared: str | None) -> None:
    sheet = read_bytes(text.encode("cp1252"), declared)
    assert sheet.header == tuple(text.split("\n")[0].split(";"))
    assert sheet.encoding == (declared or "cp1252")


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_unmarked_utf16_with_much_chinese_is_no_binary_file(codec: str, tmp_path: Path) -> None:
    text = "姓名,诊断,备注\n" + "".join(f"丁七万,专业上下丌丐丑宫颈癌,随访{i}\n" for i in range(200))
    (tmp_path / "a.csv").write_bytes(text.encode(codec))
    result = read_file(tmp_path / "a.csv")
    assert (result.encoding, result.sheets[0].n_read) == (codec, 200)


def test_a_header_in_another_encoding_is_not_passed_over() -> None:
    data = "病案号,病理类型\n".encode("gb18030") + "001,鳞癌\n002,腺癌\n".encode()
    with pytest.raises(ReadError) as caught:
        read_bytes(data)
    assert (caught.value.code, "line 1" in str(caught.value)) == ("undecodable", True)


def test_rare_characters_of_a_name_do_not_spoil_gb18030() -> None:
    text = "姓名,诊断\n" + "张㛃,宫颈癌放疗后\n" * 3
    assert read_bytes(text.encode("gb18030")).frame["姓名"].to_list() == ["张㛃"] * 3


def test_lines_in_a_second_encoding_are_rejected_by_number() -> None:
    data = CHINESE.encode() + "003,腺癌,肝\n".encode("gb18030") + "004,腺癌,骨\n".encode()
    sheet = read_bytes(data)
    assert [(r.source_row, r.reason_code) for r in sheet.rejects] == [(4, "undecodable")]
    assert sheet.frame["source_row"].to_list() == [2, 3, 5]
    assert sheet.n_read == 4


def test_a_declared_encoding_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ReadError) as caught:
        read_bytes(CHINESE.encode("gb18030"), "utf-8")
    assert (caught.value.code, caught.value.rule_id) == ("undecodable", "S01")


def test_the_one_line_beyond_ascii_that_does_not_decode_is_rejected_alone() -> None:
    rows = [b"%03d,SCC,lung" % number for number in range(30)]
    rows[7] = "007,腺癌,肝".encode("gb18030")
    sheet = read_bytes(b"\n".join([b"id,histology,site", *rows, b""]), "utf-8")
    assert [(r.source_row, r.reason_code) for r in sheet.rejects] == [(9, "undecodable")]
    assert (sheet.n_read, len(sheet.frame)) == (30, 29)


def test_an_unknown_encoding_name_is_refused() -> None:
    with pytest.raises(ReadError) as caught:
        read_bytes(b"a,b\n1,2\n", "klingon-8")
    assert caught.value.code == "bad_option"


@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "gb18030"])
def test_the_replacement_character_is_refused_with_its_line(codec: str) -> None:
    with pytest.raises(ReadError) as caught:
        read_bytes("名称,值\n好,癌\n坏,\ufffd癌\n".encode(codec))
    assert caught.value.code == "replacement_character"
    assert "line 3" in str(caught.value)


def test_what_fits_no_encoding_is_refused() -> None:
    with pytest.raises(ReadError) as caught:
        read_bytes(b"a,b\n" + b"\x81\x20\x9d\x20,\x8f\x20\n" * 5)
    assert caught.value.code == "undecodable"


def test_a_text_cut_within_a_character_loses_only_its_last_line() -> None:
    data = CHINESE.encode()[:-2]
    sheet = read_bytes(data)
    assert [(r.source_row, r.reason_code) for r in sheet.rejects] == [(3, "undecodable")]
    assert len(sheet.frame) == 1


def test_a_nul_byte_rejects_its_line() -> None:
    sheet = read_bytes(b"a,b\n1,2\n3,\x004\n5,6\n")
    assert [(r.source_row, r.reason_code) for r in sheet.rejects] == [(3, "nul_byte")]
    assert len(sheet.frame) == 2


def test_the_byte_order_mark_overrides_a_wrong_declaration() -> None:
    sheet = read_bytes(CHINESE.encode("utf-8-sig"), "gb18030")
    assert sheet.header[0] == "病案号"
    assert any("overrides" in note for note in sheet.notes)
