"""Columns that change between two submissions: nothing becomes quietly blank, and the likely new name is told."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_pipeline.intake.submissions.renamed_columns import best_match, likeness, profile_of
from tests.support.staging import Place, source, stage_text, table

COLUMNS = ('patient_id = "no"', 'birth_date = "born"', 'residence_region = "region"')
PATIENT = table("patient", *COLUMNS)
N = 40


def rows(header: str, start: int = 0, **cells: str) -> str:
    """A file of ``N`` patients; ``cells`` are templates of further columns."""
    body = [
        f"K{at},{1930 + at}-03-{at % 28 + 1:02d},District {at % 7}"
        + "".join(f",{one.format(at)}" for one in cells.values())
        for at in range(start, start + N)
    ]
    return "\n".join([header, *body]) + "\n"


def told(place: Place) -> list[tuple[str, str, str | None]]:
    issues = place.stage().file_issues.filter(pl.col("rule_id") == "S02")
    return issues.select("severity", "column_name", "suggestion").rows()


def two_submissions(tmp_path: Path, second: str, first: str | None = None, options: str = "") -> Place:
    place = Place(tmp_path, source(PATIENT, options))
    place.send("a.csv", first or rows("no,born,region"))
    place.land()
    place.send("b.csv", second)
    return place


def test_a_column_that_vanished_is_an_error_though_it_was_not_required(tmp_path: Path) -> None:
    place = two_submissions(tmp_path, "no,region\nK1,District 1\n")
    assert told(place) == [("error", "born", None)]
    (reason,) = place.stage().file_issues["reason"]
    assert "the submission before had" in reason


def test_a_column_that_never_was_there_is_a_warning(tmp_path: Path) -> None:
    assert told(two_submissions(tmp_path, "no,born\nK1,1960-01-01\n", "no,born\nK1,1960-01-01\n")) == [
        ("warning", "region", None)
    ]


def test_a_new_name_like_the_old_one_is_suggested(tmp_path: Path) -> None:
    place = two_submissions(tmp_path, rows("no,born_on,region", start=500))
    assert told(place) == [
        ("error", "born", "map 'born_on' instead, if that is its new name"),
        ("warning", "born_on", "map or ignore it"),
    ]


@pytest.mark.parametrize("start", [0, 20, 1000])
def test_a_new_name_unlike_the_old_one_is_told_by_its_values(tmp_path: Path, start: int) -> None:
    """The same patients, half of them, or others with values of the same form; other columns do not distract."""
    second = rows("no,DOB,region,remark,weight", start, remark="seen {0} times", weight="{0}.5")
    place = two_submissions(tmp_path, second, options='ignore = ["*"]')
    assert told(place) == [("error", "born", "map 'DOB' instead, if that is its new name")]


def test_two_columns_that_could_both_be_it_are_not_guessed_between(tmp_path: Path) -> None:
    body = "".join(f"K{at},19{at}-01-05,District 1,19{at}-02-06\n" for at in range(50, 90))
    second = f"no,d1,region,d2\n{body}"
    place = two_submissions(tmp_path, second, options='ignore = ["*"]')
    assert told(place) == [("error", "born", None)]


def test_a_required_column_says_so_and_suggests_too(tmp_path: Path) -> None:
    place = two_submissions(tmp_path, rows("no,DOB,region"), options='required = ["born"]\nignore = ["*"]')
    (issue,) = place.stage().file_issues.to_dicts()
    assert (issue["severity"], issue["column_name"]) == ("error", "born")
    assert "the sheet is not used" in issue["reason"] and "'DOB'" in issue["suggestion"]
    assert place.stage().tables["patient"].height == N, "the submission before stays in force"


def test_a_new_column_is_a_warning(tmp_path: Path) -> None:
    place = two_submissions(tmp_path, "no,born,region,figo\nK1,1960-01-01,A,IB\n")
    assert told(place) == [("warning", "figo", "map or ignore it")]


def test_findings_never_show_a_value(tmp_path: Path) -> None:
    place = two_submissions(tmp_path, rows("no,DOB,region"), options='ignore = ["*"]')
    shown = " ".join(str(cell) for row in place.stage().file_issues.rows() for cell in row)
    assert "District" not in shown and "-03-" not in shown


def test_sheets_of_other_contents_are_no_earlier_submission(tmp_path: Path) -> None:
    """A column of the patients' sheet is not missed on the contacts' sheet; a sheet of another year is compared."""
    contact = ('patient_id = "no"', 'followup_id = "visit"', 'contact_date = "seen"')
    tables = table("patient", *COLUMNS, sheets='["20*"]') + table("followup", *contact, sheets='["Contacts"]')
    toml = source(tables, files="*.xlsx")
    place = Place(tmp_path, toml)
    for name, year, born in (("a.xlsx", "2019", "born"), ("b.xlsx", "2020", "DOB")):
        with xlsxwriter.Workbook(place.inbox / name) as book:
            patients = book.add_worksheet(year)
            patients.write_row(0, 0, ["no", born, "region"])
            for at in range(N):
                patients.write_row(at + 1, 0, [f"K{at}", f"{1930 + at}-03-04", f"District {at % 5}"])
            contacts = book.add_worksheet("Contacts")
            contacts.write_row(0, 0, ["no", "visit", "seen"])
            contacts.write_row(1, 0, ["K1", "V1", "2020-01-01"])
        place.land()
    assert told(place) == [
        ("error", "born", "map 'DOB' instead, if that is its new name"),
        ("warning", "DOB", "map or ignore it"),
    ]
    staged = place.stage().tables
    assert staged["followup"].height == 1 and staged["patient"].height == N


def test_a_column_that_another_file_of_the_submission_has_is_not_gone(tmp_path: Path) -> None:
    place = two_submissions(tmp_path, "no,region\nK1,District 1\n")
    place.send("c.csv", rows("no,born,region", start=300))
    assert told(place) == [("warning", "born", None)]


def test_a_sheet_that_feeds_no_table_cannot_replace_a_submission(tmp_path: Path) -> None:
    toml = source(table("patient", *COLUMNS, sheets='["2*"]'), files="*.xlsx")
    place = Place(tmp_path, toml)
    for name, sheet in (("a.xlsx", "2019"), ("b.xlsx", "Notes")):
        with xlsxwriter.Workbook(place.inbox / name) as book:
            page = book.add_worksheet(sheet)
            page.write_row(0, 0, ["no", "born", "region"])
            page.write_row(1, 0, ["K1", "1960-01-01", "A"])
        place.land()
    staged = place.stage()
    assert staged.tables["patient"].height == 1
    assert dict(staged.rows.select("sheet", "fate").iter_rows()) == {"2019": None, "Notes": None}


def test_first_submissions_are_compared_with_nothing(tmp_path: Path) -> None:
    issues = stage_text(tmp_path, source(PATIENT), "no,DOB,region\nK1,1960-01-01,A\n").file_issues
    assert issues["severity"].to_list() == ["warning", "warning"]


TEXTS = st.lists(st.none() | st.text(max_size=8), max_size=20)


@settings(deadline=None)
@given(old=TEXTS, new=TEXTS)
def test_likeness_is_a_share_and_the_same_column_is_wholly_alike(
    old: list[str | None], new: list[str | None]
) -> None:
    first, second = (profile_of(pl.Series(one, dtype=pl.String)) for one in (old, new))
    assert 0.0 <= likeness(first, second) <= 1.0
    if first.values:
        assert likeness(first, first) == 1.0
        assert best_match("x", first, [("y", first)]) == "y"
    assert best_match("x", first, []) is None
