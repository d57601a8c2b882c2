"""What happens to files on their way: joined, converted half, cut, recalculated; each is told once and nothing is lost."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path

import pandas as pd
import polars as pl
import pyreadstat
import pytest
import xlsxwriter

from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.intake.mapping.facility import read_facility
from registry_pipeline.intake.readers import RawSheet, ReadLimits, ReadOptions, read_file
from tests.support.staging import Place, source, stage_text, table

N = 30
HEADER = "no,born,town"
TOML = source(table("patient", 'patient_id = "no"', 'birth_date = "born"', 'residence_region = "town"'))


def read(
    tmp_path: Path, content: bytes | str, name: str = "a.csv", options: ReadOptions | None = None
) -> RawSheet:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (sheet,) = read_file(path, options).sheets
    assert sheet.n_read == len(sheet.frame) + len(sheet.blank_rows) + len(sheet.rejects)
    return sheet


def reasons(sheet: RawSheet) -> list[tuple[int, str]]:
    return [(one.source_row, one.reason_code) for one in sheet.rejects]


def lines(start: int, stop: int, mark: str = ",", town: str = "Ort") -> list[str]:
    return [mark.join((f"K{at}", f"1950-01-{at % 28 + 1:02d}", f"{town} {at}")) for at in range(start, stop)]


def test_two_encodings_in_one_file(tmp_path: Path) -> None:
    first = "\n".join([HEADER, *lines(0, N, town="北京")]).encode()
    second = "\n".join(["", *lines(N, N + 4, town="上海"), ""]).encode("gb18030")
    sheet = read(tmp_path, first + second)
    assert reasons(sheet) == [(N + 2 + at, "undecodable") for at in range(4)]
    (warning,) = sheet.warnings
    assert warning.startswith(f"4 lines, the first is line {N + 2}, are not utf-8: two encodings are mixed")


@pytest.mark.parametrize(("mark", "name"), [(";", "';'"), ("\t", "a tab"), ("|", "'|'")])
def test_a_delimiter_that_changes_half_way(tmp_path: Path, mark: str, name: str) -> None:
    sheet = read(tmp_path, "\n".join([HEADER, *lines(0, N), *lines(N, 2 * N - 5, mark)]))
    assert len(sheet.frame) == N and len(sheet.rejects) == N - 5
    (warning,) = sheet.warnings
    assert warning.startswith(f"from line {N + 2} on, {N - 5} lines are divided by {name}")


def test_joined_files_with_their_marks_and_headers(tmp_path: Path) -> None:
    part = b"\xef\xbb\xbf" + "\r\n".join([HEADER, *lines(0, 3), ""]).encode()
    sheet = read(tmp_path, part + part + b"no,born\r\n")
    assert sheet.frame["no"].to_list() == ["K0", "K1", "K2"] * 2
    assert reasons(sheet) == [(5, "repeated_header"), (9, "too_few_fields")]
    assert sheet.warnings == [
        "1 byte-order marks within the file were taken out; several files seem to be joined in it"
    ]


def test_marks_of_utf16_files_that_were_joined(tmp_path: Path) -> None:
    part = b"\xff\xfe" + "\r\n".join([HEADER, *lines(0, 3), ""]).encode("utf-16-le")
    sheet = read(tmp_path, part + part)
    assert sheet.frame["no"].to_list() == ["K0", "K1", "K2"] * 2
    assert len(sheet.warnings) == 1


def test_a_record_that_only_begins_like_the_header_is_a_record(tmp_path: Path) -> None:
    sheet = read(tmp_path, "no,born,town\nno,,\nK1,1950-01-01,born\n")
    assert sheet.frame["no"].to_list() == ["no", "K1"] and sheet.rejects == []


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system(tmp_path: Path, end: str) -> None:
    assert read(tmp_path, end.join([HEADER, *lines(0, N)]) + end).frame["no"].to_list() == [
        f"K{at}" for at in range(N)
    ]


def test_mixed_line_ends(tmp_path: Path) -> None:
    """LF and CR LF mix without harm; a lone CR among them makes two lines one, which is told."""
    text = HEADER + "\r\n" + "\n".join(lines(0, 3)) + "\r\n" + "\r".join(lines(3, 5)) + "\n" + lines(5, 6)[0]
    sheet = read(tmp_path, text)
    assert sheet.frame["no"].to_list() == ["K0", "K1", "K2", "K5"]
    assert reasons(sheet) == [(5, "lone_return")]


def test_quotes_nul_bytes_long_cells_and_totals_cost_their_own_lines_only(tmp_path: Path) -> None:
    body = [
        *lines(0, 2),
        'K2,"1950-01-01,Ort',
        'K3,"1950"-01,Ort',
        "K4,1950\0,Ort",
        f"K5,1950-01-01,{'x' * 5_000_000}",
        "Summe,6,",
        *lines(6, 8),
    ]
    sheet = read(tmp_path, "\n".join([HEADER, *body]))
    assert sheet.frame["no"].to_list() == ["K0", "K1", "K6", "K7"]
    assert reasons(sheet) == [
        (4, "unclosed_quote"),
        (5, "malformed_quotes"),
        (6, "nul_byte"),
        (7, "cell_too_long"),
        (8, "totals_row"),
    ]


def test_header_names_that_stand_twice_are_kept_apart_and_told(tmp_path: Path) -> None:
    staged = stage_text(tmp_path, TOML, "no,born,town,born\nK1,1950-01-02,A,1999-09-09\n")
    assert staged.tables["patient"]["birth_date"].to_list() == [date(1950, 1, 2)]
    assert staged.file_issues.select("rule_id", "severity", "column_name").rows() == [
        ("S02", "warning", "born__2")
    ]


def test_warnings_of_a_sheet_are_findings_of_the_file(tmp_path: Path) -> None:
    text = "\n".join([HEADER, *lines(0, N), *lines(N, N + 3, ";")])
    issues = stage_text(tmp_path, TOML, text).file_issues
    told = issues.filter(pl.col("rule_id") == "S01").select("severity", "source_row", "reason").rows()
    assert [(severity, row) for severity, row, _ in told] == [("warning", None)]
    assert told[0][2].startswith(f"from line {N + 2} on")
    assert issues.filter(pl.col("rule_id") == "S15").height == 3


def day_numbers(path: Path, *, is_1904: bool = False, n_dates: int = 8, n_numbers: int = 4) -> list[date]:
    """A workbook of which the last dates have lost their format; the dates that they mean."""
    origin = date(1904, 1, 1) if is_1904 else date(1899, 12, 30)
    days = [date(1961, 2, at + 1) for at in range(n_dates + n_numbers)]
    with xlsxwriter.Workbook(path, {"date_1904": is_1904}) as book:
        sheet = book.add_worksheet()
        form = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, ["no", "born", "town"])
        for at, day in enumerate(days):
            sheet.write_string(at + 1, 0, f"K{at}")
            if at < n_dates:
                sheet.write_datetime(at + 1, 1, day, form)
            else:
                sheet.write_number(at + 1, 1, (day - origin).days)
            sheet.write_number(at + 1, 2, 12345 + at)
    return days


@pytest.mark.parametrize("is_1904", [False, True])
@pytest.mark.parametrize("formats", ["", 'date_formats = ["%Y-%m-%d"]'])
def test_dates_that_turn_into_day_numbers_in_a_workbook(tmp_path: Path, is_1904: bool, formats: str) -> None:
    place = Place(
        tmp_path,
        TOML.replace("*.csv", "*.xlsx").replace("[[source.table]]", f"{formats}\n[[source.table]]", 1),
    )
    days = day_numbers(place.inbox / "a.xlsx", is_1904=is_1904)
    staged = place.stage()
    assert staged.tables["patient"]["birth_date"].to_list() == days
    assert staged.tables["patient"]["birth_date_precision"].to_list() == ["day"] * len(days)
    assert staged.tables["patient"]["residence_region"][0] == "12345", "only dates are day numbers"
    assert staged.issues.is_empty()
    (told,) = staged.file_issues.select("rule_id", "severity", "column_name", "reason").rows()
    assert told[:3] == ("S11", "warning", "born")
    assert told[3].startswith("4 cells of this column of dates") and ("1904" in told[3]) is is_1904
    assert staged.coercions["value_after"].to_list() == [day.isoformat() for day in days[-4:]]


def test_a_column_mostly_of_day_numbers_stays_a_finding(tmp_path: Path) -> None:
    place = Place(tmp_path, TOML.replace("*.csv", "*.xlsx"))
    day_numbers(place.inbox / "a.xlsx", n_dates=2, n_numbers=5)
    staged = place.stage()
    assert staged.tables["patient"]["birth_date"].null_count() == 5
    assert staged.issues["rule_id"].to_list() == ["S11"] * 5
    assert staged.file_issues.is_empty()


def test_day_numbers_in_text_are_findings_for_their_epoch_is_not_known(tmp_path: Path) -> None:
    text = "\n".join([HEADER, *lines(0, 5), "K8,22222,Ort", "K9,22223,Ort"])
    staged = stage_text(tmp_path, TOML, text)
    assert staged.issues.select("rule_id", "reason").rows() == [("S11", "looks_like_excel_serial")] * 2
    assert staged.tables["patient"]["birth_date"].null_count() == 2


def test_submissions_with_and_without_day_numbers_are_one_source(tmp_path: Path) -> None:
    toml = TOML.replace("*.csv", "*.xlsx").replace("files", 'mode = "incremental"\nfiles')
    place = Place(tmp_path, toml)
    days = day_numbers(place.inbox / "a.xlsx", n_numbers=0)
    place.land()
    days += day_numbers(place.inbox / "b.xlsx", is_1904=True)
    assert place.stage().tables["patient"]["birth_date"].to_list() == days


def test_an_empty_text_is_the_result_of_a_formula(tmp_path: Path) -> None:
    """Excel stores ``=IF(A1="","",A1)`` as an empty text: that is a result, and no finding."""
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["no", "a", "b"])
        sheet.write_row(1, 0, ["K1"])
        sheet.write_formula(1, 1, '=IF(A1="","",A1)', None, "EMPTY")
        sheet.write_formula(1, 2, "=1+1", None, "")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    part = "xl/worksheets/sheet1.xml"
    members[part] = members[part].replace(b"<v>EMPTY</v>", b"<v></v>")
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    (sheet,) = read_file(path).sheets
    assert sheet.warnings == [
        "1 formulas have no stored result (the first in C2) and were read as empty; open and save it in Excel"
    ]


def test_header_rows_by_worksheet(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        for name, top in (("2019", 2), ("2020", 2), ("List", 0)):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["about", "this", "list"][: 3 if top else 0])
            sheet.write_row(top, 0, ["no", "born"])
            sheet.write_row(top + 1, 0, ["K1", "1950"])
    options = ReadOptions(sheet_header_rows=(("20*", (3,)), ("*", (1,))))
    assert [sheet.frame.columns[:2] for sheet in read_file(tmp_path / "a.xlsx", options).sheets] == [
        ["no", "born"]
    ] * 3


@pytest.mark.parametrize("value", ['{ "20*" = "3" }', "{ a = [0] }", '"3"'])
def test_wrong_header_rows_are_told_by_their_line(tmp_path: Path, value: str) -> None:
    place = Place(tmp_path, TOML.replace("files", f"header_rows = {value}\nfiles"))
    with pytest.raises(ConfigurationError, match="row numbers from 1"):
        read_facility(place.home.facilities / "west.toml")


def frame_with_missing() -> pd.DataFrame:
    return pd.DataFrame({"no": ["a", "b", "c", "d"], "size": [1.0, 2.5, 99.0, 95.0], "kind": [1, 2, 9, 8]})


def test_declared_missing_values_of_spss(tmp_path: Path) -> None:
    pyreadstat.write_sav(
        frame_with_missing(),
        str(tmp_path / "a.sav"),
        missing_ranges={"size": [{"lo": 90, "hi": 99}], "kind": [9, 8], "no": ["d"]},
        variable_value_labels={"kind": {1: "one", 9: "not known"}},
    )
    (sheet,) = read_file(tmp_path / "a.sav").sheets
    assert sheet.frame.drop("source_row").rows() == [
        ("a", "1", "one"),
        ("b", "2.5", "2"),
        ("c", "[missing 99]", "not known"),
        ("[missing d]", "[missing 95]", "[missing 8]"),
    ]
    assert any("declares missing" in note for note in sheet.notes)


def test_declared_missing_values_of_stata(tmp_path: Path) -> None:
    frame = frame_with_missing().astype({"size": object, "kind": object})
    frame.loc[2, "size"], frame.loc[3, "kind"] = "a", "b"
    pyreadstat.write_dta(
        frame,
        str(tmp_path / "a.dta"),
        missing_user_values={"size": ["a"], "kind": ["b"]},
        variable_value_labels={"kind": {1: "one", "b": "refused"}},
    )
    (sheet,) = read_file(tmp_path / "a.dta").sheets
    assert sheet.frame["size"].to_list() == ["1", "2.5", "[missing a]", "95"]
    assert sheet.frame["kind"].to_list() == ["one", "2", "9", "refused"]


def test_declared_missing_values_are_blank_when_staged(tmp_path: Path) -> None:
    tumour = table("primary_tumour", 'patient_id = "no"', 'tumour_id = "no"', 'tumour_size_mm = "size"')
    text = "no,size\nK1,[missing 99]\nK2,12\nK3,[missing a]\nK4,[missing]\n"
    staged = stage_text(tmp_path, source(tumour), text)
    assert staged.tables["primary_tumour"]["tumour_size_mm"].to_list() == [None, 12.0, None, None]
    assert staged.issues["value_text"].to_list() == ["[missing]"], "only what the reader wrote is blank"


def test_a_block_boundary_hides_no_change_of_delimiter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry_pipeline.intake.readers.blocks._BLOCK_BYTES", 64)
    sheet = read(
        tmp_path,
        "\n".join([HEADER, *lines(0, N), *lines(N, 2 * N, ";")]),
        options=ReadOptions(limits=ReadLimits()),
    )
    assert sheet.warnings[0].startswith(f"from line {N + 2} on, {N} lines")
