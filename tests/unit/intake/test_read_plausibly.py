"""Text that has two readings: the likelier one is taken and somebody is asked; no record swallows others."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_pipeline.intake.readers import ReadOptions, read_file
from registry_pipeline.intake.readers.model import RawSheet


def read(tmp_path: Path, content: bytes, **options: str) -> RawSheet:
    (tmp_path / "t.csv").write_bytes(content)
    return read_file(tmp_path / "t.csv", ReadOptions(**options)).sheets[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("sexes", [["女"] * 3, ["女"] * 30 + ["男"], ["女", "男"] * 5, ["女"]])
def test_women_in_gbk_are_chinese_whoever_else_is_in_the_file(tmp_path: Path, sexes: list[str]) -> None:
    text = "id,sex\n" + "".join(f"A{number},{sex}\n" for number, sex in enumerate(sexes))
    sheet = read(tmp_path, text.encode("gbk"))
    assert sheet.frame["sex"].to_list() == sexes
    assert sheet.encoding == "gb18030"
    assert sheet.rejects == []
    is_also_utf8 = set(sexes) == {"女"}
    assert any("declare the encoding" in warning for warning in sheet.warnings) == is_also_utf8


@pytest.mark.parametrize(
    "text", ["女", "né à Orléans", "5 µg, 90°", "Dušan", "Žofie", "Иванов", "Ελένη", "naïve"]
)
def test_text_in_utf8_stays_what_it_is(tmp_path: Path, text: str) -> None:
    sheet = read(tmp_path, f"id;name\n1;{text}\n".encode())
    assert sheet.frame["name"].to_list() == [text]
    assert (sheet.encoding, sheet.warnings) == ("utf-8", [])


def test_a_declared_encoding_is_not_questioned(tmp_path: Path) -> None:
    sheet = read(tmp_path, "id,sex\nA,Ů\n".encode(), encoding="utf-8")
    assert sheet.frame["sex"].to_list() == ["Ů"] and sheet.warnings == []


HEADER = "id,born,sex,region\n"
ROWS = [f"A{n},196{n}-01-02,F,North" for n in range(6)]


@pytest.mark.parametrize("first, last", [(0, 1), (0, 2), (1, 5)])
def test_two_stray_quotes_make_no_record_of_several(tmp_path: Path, first: int, last: int) -> None:
    rows = list(ROWS)
    rows[first] = rows[first].replace(",North", ',"North')
    rows[last] = rows[last].replace(f"A{last},196{last}-01-02,F,North", f'A{last}",196{last}-01-02,F,North')
    between = read(tmp_path, (HEADER + "\n".join(rows) + "\n").encode())
    assert between.n_read == len(ROWS)
    told = {reject.source_row for reject in between.rejects}
    assert set(range(first + 2, last + 3)) >= told
    kept = {row: cells for *cells, row in between.frame.rows()}
    for number in range(len(ROWS)):
        if number + 2 in kept:
            assert kept[number + 2] == ROWS[number].split(",")


def test_a_cell_that_holds_lines_like_those_of_the_table_is_rejected_line_by_line(tmp_path: Path) -> None:
    rows = list(ROWS[:4])
    rows[0] = 'A0,"1960-01-02,F,North'
    rows[2] = 'A2,1962-01-02",F,East'
    sheet = read(tmp_path, (HEADER + "\n".join(rows) + "\n").encode())
    assert [(reject.source_row, reject.reason_code) for reject in sheet.rejects] == [
        (2, "stray_quotes"),
        (3, "stray_quotes"),
        (4, "stray_quotes"),
    ]
    assert sheet.frame.rows() == [("A3", "1963-01-02", "F", "North", 5)]
    assert sheet.n_read == 4


def test_notes_over_several_lines_stay_notes(tmp_path: Path) -> None:
    text = 'id,note,x\nA,"first\nsecond, with a comma\nthird",1\nB,"a,b\nc,d",2\n'
    sheet = read(tmp_path, text.encode())
    assert sheet.frame["note"].to_list() == ["first\nsecond, with a comma\nthird", "a,b\nc,d"]


def test_three_columns_whose_lines_begin_alike_are_rejected(tmp_path: Path) -> None:
    sheet = read(tmp_path, b'id,note,x\nA1,"one,1\nA12,two",2\nA3,three,3\n')
    assert [reject.source_row for reject in sheet.rejects] == [2, 3]
    assert sheet.frame.rows() == [("A3", "three", "3", 4)]


def test_two_columns_are_only_asked_about(tmp_path: Path) -> None:
    sheet = read(tmp_path, b'id,note\nA,"one\nB,two"\nC,three\n')
    assert sheet.frame["note"].to_list() == ["one\nB,two", "three"]
    (warning,) = sheet.warnings
    assert "stray quotation marks" in warning and "line 2" in warning
