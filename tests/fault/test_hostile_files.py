"""Files that are broken, enormous, foreign or meant to harm: refused in one line that shows none of them."""

from __future__ import annotations

import gzip
import os
import struct
import time
import zipfile
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry_pipeline.intake.readers import ReadError, ReadLimits, ReadOptions, read_file
from tests.fault.hostile import zipped

SECRET = "张三 1980-01-01"
SMALL = ReadOptions(limits=ReadLimits(max_unpacked_bytes=20 * 2**20, max_ratio=100, max_members=20))


def refused(path: Path, options: ReadOptions | None = None) -> ReadError:
    with pytest.raises(ReadError) as caught:
        read_file(path, options)
    message = str(caught.value)
    assert "\n" not in message
    assert "张三" not in message
    assert path.name not in message
    assert caught.value.rule_id == "S01"
    return caught.value


def put(tmp_path: Path, name: str, data: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "name, data, code",
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"\n\n  \n", "empty"),
        ("a.csv", b"%PDF-1.7 " + SECRET.encode(), "binary"),
        ("a.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "binary"),
        ("a.csv", b"\x7fELF" + bytes(100), "binary"),
        ("a.csv", bytes(128) + b"DICM" + bytes(100), "binary"),
        ("a.csv", bytes(range(256)) * 20, "binary"),
        ("a.csv", bytes(10_000), "binary"),
        ("a.xlsx", b"PK\x03\x04" + b"x" * 100, "damaged"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000), "not_a_workbook"),
        ("a.xls", b"<html><table><tr><td>" + SECRET.encode(), "not_a_workbook"),
        ("a.xml", b"<?xml version='1.0'?><a/>", "unsupported_format"),
        ("a.dta", b"no stata file", "damaged"),
        ("a.sav", b"$FL2@(#) SPSS" + bytes(50), "damaged"),
        ("a.parquet", b"PAR1" + bytes(50), "damaged"),
        ("a.csv.gz", b"\x1f\x8b\x08" + bytes(20), "damaged"),
        ("a.zip", zipped({}), "empty"),
        ("a.zip", zipped({"inner.zip": zipped({"a.csv": b"a,b\n1,2\n"})}), "unsafe_archive"),
        ("a.zip", zipped({f"{SECRET}.pdf": b"%PDF-1.7"}), "binary"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, name: str, data: bytes, code: str) -> None:
    assert refused(put(tmp_path, name, data)).code == code


def test_folders_pipes_and_missing_files_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path).code == "directory"
    assert refused(tmp_path / "gone.csv").code == "missing"
    os.mkfifo(tmp_path / "pipe.csv")
    assert refused(tmp_path / "pipe.csv").code == "not_a_file"


def test_a_file_beyond_the_size_limit_is_not_opened(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", b"a,b\n" + b"1,2\n" * 100)
    assert refused(path, ReadOptions(limits=ReadLimits(max_file_bytes=100))).code == "too_large"


def test_a_password_protected_workbook_is_told_apart(tmp_path: Path) -> None:
    data = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le") + bytes(900)
    )
    assert refused(put(tmp_path, "a.xlsx", data)).code == "password_protected"


def test_an_encrypted_zip_is_told_apart(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.csv": b"a,b\n1,2\n"}))
    central = data.rindex(b"PK\x01\x02")
    data[central + 8] |= 1
    assert refused(put(tmp_path, "a.zip", bytes(data))).code == "password_protected"


@pytest.mark.parametrize("name", ["a.zip", "a.xlsx"])
def test_zip_bombs_are_not_opened(tmp_path: Path, name: str) -> None:
    crowded = put(tmp_path, "d" + name, zipped({f"{i}": b"" for i in range(400)}))
    assert refused(crowded, SMALL).code == "zip_bomb"
    members = {"xl/workbook.xml": b"<x/>", "xl/worksheets/sheet1.xml": bytes(15 * 2**20)}
    path = put(tmp_path, name, zipped(members))
    started = time.perf_counter()
    assert refused(path, SMALL).code == "zip_bomb"
    assert time.perf_counter() - started < 2
    too_much = put(tmp_path, "b" + name, zipped({**members, "more.xml": bytes(15 * 2**20)}))
    assert refused(too_much, SMALL).code == "zip_bomb"
    many = put(tmp_path, "c" + name, zipped({f"xl/worksheets/{i}.xml": b"" for i in range(30)}))
    assert refused(many, SMALL).code == "zip_bomb"


def test_a_gzip_bomb_is_stopped_while_it_unpacks(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv.gz", gzip.compress(bytes(15 * 2**20)))
    assert refused(path, SMALL).code == "zip_bomb"


@pytest.mark.parametrize("name", ["../../evil.csv", "/etc/evil.csv", "..\\evil.csv", "C:\\evil.csv"])
def test_members_that_point_outside_are_refused(tmp_path: Path, name: str) -> None:
    assert refused(put(tmp_path, "a.zip", zipped({name: b"a,b\n1,2\n"}))).code == "unsafe_archive"
    assert not (tmp_path.parent / "evil.csv").exists()


def test_a_directory_that_lies_about_sizes_is_found_out(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.csv": b"a,b\n" + b"1,2\n" * 1000}))
    central = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, central + 24, 100)
    assert refused(put(tmp_path, "a.zip", bytes(data))).code == "damaged"


def test_an_entity_bomb_in_a_workbook_does_no_harm(tmp_path: Path) -> None:
    good = tmp_path / "good.xlsx"
    with xlsxwriter.Workbook(good) as book:
        book.add_worksheet("S").write_column(0, 0, ["a", "b"])
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9)
    )
    bomb += (
        b']><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>&j;</t></si></sst>'
    )
    with zipfile.ZipFile(good) as archive:
        members = {m: archive.read(m) for m in archive.namelist()}
    members["xl/sharedStrings.xml"] = bomb
    started = time.perf_counter()
    path = put(tmp_path, "bomb.xlsx", zipped(members))
    try:
        result = read_file(path)
        assert sum(sheet.frame.estimated_size() for sheet in result.sheets) < 10_000
    except ReadError as error:
        assert error.code in {"damaged", "not_a_workbook", "empty"}
    assert time.perf_counter() - started < 5


def test_cut_off_files_of_every_kind_never_pass_silently(tmp_path: Path) -> None:
    book = tmp_path / "good.xlsx"
    with xlsxwriter.Workbook(book) as workbook:
        workbook.add_worksheet("S").write_column(0, 0, ["a"] * 100)
    table = tmp_path / "good.parquet"
    pl.DataFrame({"a": range(100)}).write_parquet(table)
    for whole in (book, table):
        data = whole.read_bytes()
        for share in (0.3, 0.6, 0.95):
            path = put(tmp_path, f"cut{whole.suffix}", data[: int(len(data) * share)])
            assert refused(path).code in {"damaged", "not_a_workbook"}


def test_a_quote_that_never_closes_in_a_big_file_takes_linear_time(tmp_path: Path) -> None:
    lines = "".join(f'{i},"open {i}\n' if i % 3 == 0 else f"{i},text\n" for i in range(60_000))
    started = time.perf_counter()
    sheet = read_file(put(tmp_path, "a.csv", b"a,b\n" + lines.encode())).sheets[0]
    assert time.perf_counter() - started < 15
    assert sheet.n_read == len(sheet.frame) + len(sheet.rejects)
    assert sheet.rejects


def test_a_quote_that_opens_before_a_line_longer_than_a_block_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry_pipeline.intake.readers.blocks._BLOCK_BYTES", 2**16)
    long = b'1,"' + b"x" * (2 * 2**20)
    path = put(tmp_path, "a.csv", b"a,b\n" + long + b"\n1,2\n" + long + b"\n" + b"3,4\n" * 50_000)
    sheet = read_file(path).sheets[0]
    assert [(r.source_row, r.reason_code) for r in sheet.rejects] == [
        (2, "unclosed_quote"),
        (4, "unclosed_quote"),
    ]
    assert len(sheet.frame) == 50_001


def test_one_line_without_end_is_bounded(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", b"a,b\n" + b"x" * (2 * 2**20) + b"\n1,2\n")
    sheet = read_file(path).sheets[0]
    assert (len(sheet.frame), len(sheet.rejects)) == (1, 1)
    columns = put(tmp_path, "b.csv", b"a," * 100_000 + b"\n1\n")
    assert refused(columns).code == "too_large"


def test_no_value_of_a_row_is_in_any_message(tmp_path: Path) -> None:
    body = (
        f'a,b\n"{SECRET}"x,1\n{SECRET},1,2\n{SECRET}\n"{SECRET},3\n\0{SECRET},1\n'.encode() + b"1,2\n" * 500
    )
    sheet = read_file(put(tmp_path, "a.csv", body + SECRET.encode("utf-16-le") + b"\n")).sheets[0]
    assert len(sheet.rejects) >= 5
    assert not any("张三" in reject.message for reject in sheet.rejects)
    assert not any("张三" in note for note in sheet.notes)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(min_size=1, max_size=400),
    suffix=st.sampled_from([".csv", ".tsv", ".xlsx", ".dta", ".xpt"]),
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes, suffix: str) -> None:
    path = put(tmp_path, f"any{suffix}", data)
    try:
        result = read_file(path)
    except ReadError as error:
        assert error.code
        return
    for sheet in result.sheets:
        assert sheet.n_read == len(sheet.frame) + len(sheet.blank_rows) + len(sheet.rejects)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 5_000), byte=st.integers(0, 255))
def test_a_workbook_with_one_wrong_byte_is_read_or_refused(tmp_path: Path, place: int, byte: int) -> None:
    good = tmp_path / "good.xlsx"
    if not good.exists():
        with xlsxwriter.Workbook(good) as book:
            book.add_worksheet("S").write_column(0, 0, ["a", "b", 12.5])
    data = bytearray(good.read_bytes())
    data[place % len(data)] = byte
    try:
        read_file(put(tmp_path, "bent.xlsx", bytes(data)))
    except ReadError as error:
        assert error.code
