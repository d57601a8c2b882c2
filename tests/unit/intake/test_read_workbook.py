"""Workbooks: dates, numbers, headers and the things that people hide in them."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter

from registry_pipeline.intake.readers import ReadError, ReadLimits, ReadOptions, ReadResult, read_file
from registry_pipeline.intake.readers.workbook.styles import precision_of
from tests.unit.intake.biff8 import Dated, write_xls


def write(path: Path, *sheets: tuple[str, list[list[Any]]], **options: Any) -> Path:
    """A workbook; a cell may be a value or a pair of value and number format."""
    with xlsxwriter.Workbook(path, options) as book:
        for name, rows in sheets:
            sheet = book.add_worksheet(name)
            for r, row in enumerate(rows):
                for c, cell in enumerate(row):
                    value, code = cell if isinstance(cell, tuple) else (cell, None)
                    style = book.add_format({"num_format": code}) if code is not None else None
                    if isinstance(value, str) and value.startswith("="):
                        sheet.write_formula(r, c, value, style, "")
                    elif value is not None:
                        sheet.write(r, c, value, style)
    return path


def read_rows(path: Path, **options: Any) -> list[tuple[object, ...]]:
    result: ReadResult = read_file(path, ReadOptions(**options))
    return result.sheets[0].frame.rows()


DAY = dt.datetime(2020, 12, 20)
DATE_FORMATS = ["yyyy-mm-dd", "d/m/yy", 'yyyy"年"m"月"d"日"', '[$-804]yyyy"年"m"月"d"日"', 14, 31, 57, 27]


@pytest.mark.parametrize("code", DATE_FORMATS)
@pytest.mark.parametrize("is_1904", [False, True])
def test_a_date_cell_is_an_iso_date_in_every_format_and_epoch(
    tmp_path: Path, code: object, is_1904: bool
) -> None:
    path = write(tmp_path / "b.xlsx", ("S", [["id", "d"], [1, (DAY, code)]]), date_1904=is_1904)
    assert read_rows(path) == [("1", "2020-12-20", 2)]


def test_a_bare_number_stays_a_number(tmp_path: Path) -> None:
    rows = [
        ["mrn", "serial", "big", "x", "text"],
        [12345, 44185, 1.2e10, 12.5, "007"],
        [0, -3, 1e15, 0.1, "1.0"],
    ]
    assert read_rows(write(tmp_path / "b.xlsx", ("S", rows))) == [
        ("12345", "44185", "12000000000", "12.5", "007", 2),
        ("0", "-3", "1000000000000000", "0.1", "1.0", 3),
    ]


def test_times_and_date_times(tmp_path: Path) -> None:
    rows = [["a", "b"], [(dt.datetime(2020, 12, 20, 13, 5), "yyyy-mm-dd hh:mm"), (dt.time(13, 5), "hh:mm")]]
    assert read_rows(write(tmp_path / "b.xlsx", ("S", rows))) == [("2020-12-20 13:05:00", "13:05:00", 2)]


def test_a_mixed_column_keeps_every_cell_as_it_is(tmp_path: Path) -> None:
    rows = [["d"], [(DAY, 31)], ["2019年3月"], [44185], ["不详"], [(DAY, "yyyy-mm-dd")]]
    path = write(tmp_path / "b.xlsx", ("S", rows), date_1904=True)
    cells = [row[0] for row in read_rows(path)]
    assert cells == ["2020-12-20", "2019年3月", "44185", "不详", "2020-12-20"]


def test_title_blank_rows_and_totals(tmp_path: Path) -> None:
    rows = [["随访表", None], [None, None], ["病案号", "例数"], ["001", 3], [None, None], ["合计", 3]]
    sheet = read_file(write(tmp_path / "b.xlsx", ("S", rows))).sheets[0]
    assert sheet.header == ("病案号", "例数")
    assert sheet.frame.rows() == [("001", "3", 4)]
    assert sheet.blank_rows == [5]
    assert [(r.source_row, r.reason_code) for r in sheet.rejects] == [(6, "totals_row")]
    assert sheet.n_read == 3


def test_rows_above_and_columns_left_of_the_table(tmp_path: Path) -> None:
    rows = [[], [], [None, None, "a", "b"], [None, None, 1, 2]]
    assert read_rows(write(tmp_path / "b.xlsx", ("S", rows))) == [("1", "2", 4)]


def test_two_line_headers_with_merged_cells(tmp_path: Path) -> None:
    path = tmp_path / "b.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.merge_range("A1:A2", "病案号")
        sheet.merge_range("B1:C1", "转移灶")
        sheet.write_row("B2", ["部位", "最大径\n(cm)"])
        sheet.write_row("A3", ["001", "肺", 1.5])
    found = read_file(path, ReadOptions(header_rows=(1, 2))).sheets[0]
    assert found.frame.columns[:3] == ["病案号", "转移灶 部位", "转移灶 最大径 (cm)"]
    assert found.frame.rows() == [("001", "肺", "1.5", 3)]


def test_several_sheets_and_a_choice_of_them(tmp_path: Path) -> None:
    table = [["a"], [1]]
    path = write(tmp_path / "b.xlsx", ("2019", table), ("2020 & 更多", table), ("empty", []))
    sheets = {sheet.sheet: sheet for sheet in read_file(path).sheets}
    assert {name: sheet.n_read for name, sheet in sheets.items()} == {"2019": 1, "2020 & 更多": 1, "empty": 0}
    assert sheets["empty"].notes == ["the worksheet is empty"]
    assert [s.sheet for s in read_file(path, ReadOptions(sheets=("2020 & 更多",))).sheets] == ["2020 & 更多"]
    with pytest.raises(ReadError) as caught:
        read_file(path, ReadOptions(sheets=("2021",)))
    assert caught.value.code == "no_such_sheet"


def test_hidden_sheets_rows_and_columns_are_read_and_told(tmp_path: Path) -> None:
    path = tmp_path / "b.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("front").write_row(0, 0, ["a"])
        sheet = book.add_worksheet("back")
        sheet.write_row(0, 0, ["a", "b"])
        sheet.write_column(1, 0, ["1", "2", "3"])
        sheet.write_column(1, 1, ["1", "2", "3"])
        sheet.set_column("B:B", None, None, {"hidden": True})
        sheet.set_row(2, None, None, {"hidden": True})
        sheet.set_row(20, None, None, {"hidden": True})  # nothing stands in it
        sheet.hide()
    front, back = read_file(path).sheets
    assert back.frame.rows() == [("1", "1", 2), ("2", "2", 3), ("3", "3", 4)]
    assert front.warnings == []
    sheet_told, column_told, row_told = back.warnings
    assert "worksheet is hidden" in sheet_told and "3 rows" in sheet_told
    assert column_told.startswith("1 ranges of columns are hidden")
    assert row_told.startswith("1 rows are hidden") and "row 3" in row_told


def test_merged_cells_below_the_header_are_told_and_those_of_the_header_are_not(tmp_path: Path) -> None:
    path = tmp_path / "b.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.merge_range("A1:A2", "id")
        sheet.merge_range("B1:C1", "lesion")
        sheet.write_row("B2", ["site", "mm"])
        sheet.merge_range("A3:A5", "P1")
        sheet.merge_range("B6:C6", "lung")
        sheet.write_column("C3", [1, 2, 3])
    sheet_read = read_file(path, ReadOptions(header_rows=(1, 2))).sheets[0]
    (told,) = sheet_read.warnings
    assert told.startswith("1 merged cells") and "A3:A5" in told


def test_formulas_without_result_errors_and_lost_digits_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "b.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["id", "sum", "quotient", "ready"])
        sheet.write_number(1, 0, 110101198001011234)
        sheet.write_formula(1, 1, "=1+1", None, "")
        sheet.write_formula(1, 2, "=1/0", None, "#DIV/0!")
        sheet.write_formula(1, 3, "=1+1", None, 2)
    found = read_file(path).sheets[0]
    assert found.frame.row(0)[1:] == (None, None, "2", 2)
    for words in ("no stored result", "formula error", "more than 15 digits"):
        assert any(words in warning for warning in found.warnings), words
    assert any("first in B2" in warning for warning in found.warnings)


MONTHS = ["yyyy-mm", 'yyyy"年"m"月"', "mmm-yy", "[$-411]ge.m", 'mmmm" "yyyy', 17, 57, "yyyy/m;@"]


@pytest.mark.parametrize("code", MONTHS)
def test_a_cell_that_shows_a_month_is_a_month_where_the_day_is_the_one_that_excel_adds(
    tmp_path: Path, code: object
) -> None:
    first, later = dt.datetime(2019, 3, 1), dt.datetime(2019, 3, 15)
    rows = [["d", "e"], [(first, code), (first, "yyyy-mm-dd")], [(later, code), (first, code)]]
    sheet = read_file(write(tmp_path / "b.xlsx", ("S", rows))).sheets[0]
    assert sheet.frame.rows() == [("2019-03", "2019-03-01", 2), ("2019-03-15", "2019-03", 3)]
    assert sheet.notes == ["2 cells show a month or a year only and are read as such, not as its first day"]


def test_a_cell_that_shows_a_year_is_a_year(tmp_path: Path) -> None:
    days = [dt.datetime(2019, 1, 1), dt.datetime(2019, 3, 1)]
    rows = [["d"], *[[(day, "yyyy")] for day in days]]
    assert [row[0] for row in read_rows(write(tmp_path / "b.xlsx", ("S", rows)))] == ["2019", "2019-03-01"]


@pytest.mark.parametrize(
    "code", ["yyyy-mm-dd", "General", "0.00E+00", '0 "mg"', "[Red]0", "m/d/yy h:mm", "#,##0"]
)
def test_other_formats_are_no_short_dates(code: str) -> None:
    assert precision_of(code) is None


def test_text_that_looks_like_a_formula_is_text(tmp_path: Path) -> None:
    path = tmp_path / "b.xlsx"
    with xlsxwriter.Workbook(path, {"strings_to_formulas": False}) as book:
        book.add_worksheet().write_column(0, 0, ["a", "=1+1", "@SUM(1)", "  x  "])
    assert [row[0] for row in read_rows(path)] == ["=1+1", "@SUM(1)", "  x  "]


def test_limits_hold_for_cells_and_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "b.xlsx", ("S", [["a", "b"], ["x" * 300, 1], ["y", 2]]))
    sheet = read_file(path, ReadOptions(limits=ReadLimits(max_cell_bytes=100))).sheets[0]
    assert [(r.source_row, r.reason_code) for r in sheet.rejects] == [(2, "cell_too_long")]
    with pytest.raises(ReadError) as caught:
        read_file(path, ReadOptions(limits=ReadLimits(max_columns=1)))
    assert caught.value.code == "too_large"


def test_lost_characters_in_a_workbook_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "b.xlsx", ("S", [["a"], ["good"], ["b\ufffdd"]]))
    with pytest.raises(ReadError) as caught:
        read_file(path)
    assert (caught.value.code, "3" in str(caught.value)) == ("replacement_character", True)


def test_a_workbook_inside_a_zip_and_text_named_xlsx(tmp_path: Path) -> None:
    book = write(tmp_path / "b.xlsx", ("S", [["a"], [1]]))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(book, "folder/book.xlsx")
        archive.writestr("visits.csv", "a,b\n1,2\n")
    result = read_file(tmp_path / "all.zip")
    assert [(s.member, s.sheet, s.n_read) for s in result.sheets] == [
        ("folder/book.xlsx", "S", 1),
        ("visits.csv", "", 1),
    ]
    assert result.reader == "zip"
    (tmp_path / "text.xlsx").write_bytes("a\tb\n1\t鳞癌\n".encode("utf-16"))
    assert read_rows(tmp_path / "text.xlsx") == [("1", "鳞癌", 2)]
    with pytest.raises(ReadError) as caught:
        read_file(tmp_path / "text.xlsx", ReadOptions(format="xlsx"))
    assert caught.value.code == "not_a_workbook"


def test_a_big_sheet_is_read_whole(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    pl.DataFrame({"id": range(20_000), "text": [f"t{i}" for i in range(20_000)]}).write_excel(buffer)
    path = tmp_path / "b.xlsx"
    path.write_bytes(buffer.getvalue())
    sheet = read_file(path).sheets[0]
    assert sheet.n_read == 20_000
    assert sheet.frame.row(-1) == ("19999", "t19999", 20_001)


def test_an_old_xls_workbook_is_read(tmp_path: Path) -> None:
    write_xls(tmp_path / "a.xls", "随访", [["病案号", "d", "n"], ["007", Dated(44185.0), 12.0]])
    result = read_file(tmp_path / "a.xls")
    assert result.reader == "xls"
    assert (result.sheets[0].sheet, result.sheets[0].header) == ("随访", ("病案号", "d", "n"))
    assert result.sheets[0].frame.rows() == [("007", "2020-12-20", "12", 2)]


def test_an_old_xls_workbook_with_a_password_is_told_apart(tmp_path: Path) -> None:
    write_xls(tmp_path / "a.xls", "S", [["a"], ["b"]], has_password=True)
    with pytest.raises(ReadError) as caught:
        read_file(tmp_path / "a.xls")
    assert caught.value.code == "password_protected"


def test_the_worksheet_that_lacks_a_declared_header_row_is_told(tmp_path: Path) -> None:
    table = [["title"], ["a", "b"], ["c", "d"], [1, 2]]
    path = write(tmp_path / "b.xlsx", ("2019", table), ("Notes", [["please ignore"]]), ("2020", table))
    with pytest.raises(ReadError, match="worksheet 2 of 3 lacks a row that header_rows declares") as caught:
        read_file(path, ReadOptions(header_rows=(2, 3)))
    assert caught.value.code == "no_such_header_row" and "Notes" not in str(caught.value)
