"""The workbook to a facility and back: what stands in it, what is refused, what the ledger then says."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import polars as pl
import pytest

from registry_pipeline.core.home import Home
from registry_pipeline.operations.audit import read_audit_log
from registry_pipeline.stewardship.decide import Order, decide, ledger_entries
from registry_pipeline.stewardship.findings import Filters, select_findings, take_snapshot
from registry_pipeline.stewardship.queries import export
from registry_pipeline.stewardship.queries.answers import WorkbookRefused, import_answers
from registry_pipeline.stewardship.queries.export import write_queries
from registry_pipeline.stewardship.queries.layout import ANSWERS, COLUMNS, WORDS
from tests.support.desk import (
    home_with_findings,
    refresh_quickly,
    save_workbook,
    send_patients,
    workbook_rows,
)
from tests.support.registry_home import command

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return home_with_findings(tmp_path_factory.mktemp("queries") / "home")


def _export(home: Home, folder: Path, language: str = "en") -> Path:
    folder.mkdir(exist_ok=True)
    chosen = select_findings(take_snapshot(home), Filters(facility=("north",), severity=("error",)))
    return write_queries(home, "north", chosen, folder, language)


def test_each_row_says_whose_record_it_is_and_where_it_stood(home: Home, tmp_path: Path) -> None:
    rows = workbook_rows(_export(home, tmp_path))
    by_patient = {row["patient"]: row for row in rows if row["column"] == "sex"}
    assert by_patient["K0009"]["seen"] == "male"
    assert by_patient["K0009"]["file"] == "patients_1.csv" and by_patient["K0009"]["row"] == "11"
    assert all(row["expected"] and row["finding"].startswith("F") and len(row["seal"]) == 24 for row in rows)


def test_the_audit_log_says_that_queries_left_the_home_and_where_they_did_not(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("queries", "export", "--facility", "north", "--out", str(tmp_path))
    code, output = command(home, *words)
    assert code == 0 and "queries to north" in output
    monkeypatch.setattr(export, "write_queries", _refuse)
    code, output = command(home, *words)
    assert code != 0 and "cannot be written" in output
    entries = [entry for entry in read_audit_log(home) if entry.action == "queries export"]
    assert [entry.outcome for entry in entries[-4:]] == ["begun", "done", "begun", "refused"]
    assert all(re.fullmatch(r"north, [0-9]+ queries", entry.details) for entry in entries)


def _refuse(*_: object) -> None:
    raise ValueError("it cannot be written")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_cells_are_text_answers_are_a_list_and_the_rest_is_locked(
    home: Home, tmp_path: Path, language: str
) -> None:
    path = _export(home, tmp_path, language)
    with zipfile.ZipFile(path) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        styles = book.read("xl/styles.xml").decode()
        words = book.read("xl/sharedStrings.xml").decode()
    assert "<f>" not in sheet, "no formula, whatever a hospital wrote"
    assert "<sheetProtection" in sheet and 'locked="0"' in styles
    assert '<dataValidation type="list"' in sheet and "<autoFilter" in sheet and 'state="frozen"' in sheet
    known = WORDS["en" if language == "en" else "zh_CN"]
    assert all(known[code] in sheet + words for code in ANSWERS)
    assert re.search("=cmd", words), "the hostile text is there, as text"
    assert "\u202e" not in words, "no mark that turns the direction of writing"


def test_answers_come_back_once_and_name_who_gave_them(home: Home, tmp_path: Path) -> None:
    rows = workbook_rows(_export(home, tmp_path))
    rows[0] |= {"answer": WORDS["zh_CN"]["confirmed"], "by": "Dr. Li", "remark": "=1+1"}
    rows[1] |= {"answer": "corrected in our system", "value": "F"}
    saved = save_workbook(tmp_path / "back.xlsx", rows[::-1])  # sorted anew by the facility
    before = len(ledger_entries(home))
    done = import_answers(home, take_snapshot(home), saved, "A. Steward")
    assert (len(done.answered), done.n_open, done.n_unknown) == (2, len(rows) - 2, 0)
    entries = ledger_entries(home)[before:]
    assert {entry.reason for entry in entries} == {"confirmed; =1+1", "corrected; right value: F"}
    assert {entry.decided_by for entry in entries} == {"Dr. Li (north)", "A. Steward (north)"}
    again = import_answers(home, take_snapshot(home), saved, "A. Steward")
    assert (len(again.answered), again.n_repeated) == (0, 2)
    states = dict(take_snapshot(home).findings.select("finding_id", "status").iter_rows())
    assert {states[rows[n]["finding"]] for n in (0, 1)} == {"answered"}


def test_columns_of_the_facility_and_words_in_capitals_are_no_hindrance(home: Home, tmp_path: Path) -> None:
    rows = workbook_rows(_export(home, tmp_path))
    rows[4] |= {"answer": " Not known to US ", "who": "ward 3"}
    columns = ("who", *COLUMNS[:3], "note", *reversed(COLUMNS[3:]))
    saved = save_workbook(tmp_path / "wider.xlsx", rows, columns=columns)
    assert len(import_answers(home, take_snapshot(home), saved, "A. Steward").answered) == 1


def test_an_answer_counts_again_where_it_was_asked_again(home: Home, tmp_path: Path) -> None:
    rows = workbook_rows(_export(home, tmp_path))
    rows[3] |= {"answer": "correct as it is"}
    saved = save_workbook(tmp_path / "first.xlsx", rows)
    done = [len(import_answers(home, take_snapshot(home), saved, "A").answered) for _ in range(2)]
    finding = take_snapshot(home).findings.filter(pl.col("finding_id") == rows[3]["finding"])
    decide(home, finding, Order("remark", "who said so?", "A"))
    done += [len(import_answers(home, take_snapshot(home), saved, "A").answered)]
    decide(home, finding, Order("sent", "asked once more", "A"))
    done += [len(import_answers(home, take_snapshot(home), saved, "A").answered) for _ in range(2)]
    assert done == [1, 0, 0, 1, 0]


def test_an_answer_about_a_value_that_has_changed_since_is_not_taken_for_one_about_the_new(
    tmp_path: Path,
) -> None:
    home = home_with_findings(tmp_path / "home")
    rows = workbook_rows(_export(home, tmp_path / "asked"))
    answered = [row | {"answer": "correct as it is"} for row in rows]
    saved = save_workbook(tmp_path / "back.xlsx", answered)
    send_patients(home, "patients_2.csv", p7={"born": "1956-14-45"}, p8={"born": "31.31.1950"})
    refresh_quickly(home)
    done = import_answers(home, take_snapshot(home), saved, "A")
    changed = {row["finding"] for row in rows if row["seen"] == "1956-13-45"}
    assert done.n_outdated == len(changed) > 0 == done.n_unknown
    assert {row["finding"] for row in rows} - changed == {entry.finding_id for entry in ledger_entries(home)}


@pytest.mark.parametrize("column", ["seen", "finding", "row", "patient", "seal", "expected"])
def test_an_altered_row_is_refused_by_its_number_and_nothing_is_read(
    home: Home, tmp_path: Path, column: str
) -> None:
    rows = workbook_rows(_export(home, tmp_path))
    rows[0] |= {"answer": "confirmed"}
    rows[2] = {**rows[2], column: rows[2][column] + "1", "answer": "confirmed"}
    before = len(ledger_entries(home))
    with pytest.raises(WorkbookRefused, match="row 4: a grey cell was changed") as refused:
        import_answers(home, take_snapshot(home), save_workbook(tmp_path / "a.xlsx", rows), "A")
    assert rows[2]["seen"] not in str(refused.value)
    assert len(ledger_entries(home)) == before


def test_what_is_no_workbook_of_ours_is_refused_in_a_line(home: Home, tmp_path: Path) -> None:
    rows = workbook_rows(_export(home, tmp_path))
    other = [{**row, "seal": "0" * 24} for row in rows]
    text = tmp_path / "text.xlsx"
    text.write_text("no workbook")
    patients_file = home.inbox / "north" / "patients_1.csv"
    bad = save_workbook(tmp_path / "bad.xlsx", [{**rows[0], "answer": "perhaps"}, *rows[1:]])
    unanswered = save_workbook(tmp_path / "remark.xlsx", [*rows[:2], {**rows[2], "remark": "we looked"}])
    twice = [{**rows[0], "answer": "correct as it is"}, {**rows[0], "answer": "not known to us"}]
    book, title = rows[:1], {"number": "Answered by the ward"}
    for path, message in (
        (save_workbook(tmp_path / "twice.xlsx", twice), "row 3: the query of row 2 stands here once more"),
        (unanswered, "row 4: a value or a remark without an answer"),
        (save_workbook(tmp_path / "less.xlsx", book, columns=COLUMNS[1:]), "row 1: .* no column 'No.'"),
        (
            save_workbook(tmp_path / "title.xlsx", [title, *book], columns=(" ", *COLUMNS[1:])),
            "row 1: .* 'No.'",
        ),
        (patients_file, "is no query workbook"),
        (save_workbook(tmp_path / "other.xlsx", other), "of another registry"),
        (save_workbook(tmp_path / "empty.xlsx", []), "row|sheet"),
        (text, "is no query workbook"),
        (bad, "row 2: the answer is none of the list"),
    ):
        with pytest.raises(WorkbookRefused, match=message) as refused:
            import_answers(home, take_snapshot(home), path, "A")
        assert "\n" not in str(refused.value)
