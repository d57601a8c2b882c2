"""Staging of files: which rows count, what is wrong with a file, and that every row is accounted for."""

import polars as pl
import pytest

from registry_pipeline.core import working_files
from registry_pipeline.core.row_id import LINEAGE, row_id
from registry_pipeline.intake.mapping.facility import read_facility
from registry_pipeline.intake.raw import store as raw
from registry_pipeline.intake.raw.lookup import raw_values
from registry_pipeline.intake.raw.sheet_file import read_sheet
from registry_pipeline.intake.submissions import rows_in_force
from registry_pipeline.intake.submissions.headers import likely_name
from registry_pipeline.intake.submissions.rows_in_force import all_rows, find_files
from tests.support.staging import Place, source, stage_text, table

PATIENT = 'patient_id = "no"'
TOML = source(table("patient", PATIENT, 'birth_date = "born"'))


def fates(staged):
    frame = staged.rows.group_by("source_file", "fate").len().sort("source_file", "fate", nulls_last=True)
    return frame.rows()


def file_issues(staged):
    return staged.file_issues.select("rule_id", "severity", "source_file", "column_name", "source_row").rows()


def test_every_row_is_accounted_for(tmp_path):
    staged = stage_text(tmp_path, TOML, "no,born\nA,1960-01-01\n\nB\n,\nC,1961-01-01\n合计,2\n")
    assert staged.rows.select("source_row", "fate").sort("source_row").rows() == [
        (2, None),
        (3, "blank"),
        (4, "rejected"),
        (5, "blank"),
        (6, None),
        (7, "rejected"),
    ]
    assert staged.sheets["n_read"].to_list() == [6] == [len(staged.rows)]
    assert staged.rows["_row_id"].is_unique().all()
    assert file_issues(staged) == [
        ("S15", "warning", "export.csv", None, 4),
        ("S15", "info", "export.csv", None, 7),
    ]
    assert staged.rows.select("source_name", "submission_id", "sheet").unique().height == 1


def test_where_rows_stand_is_known_without_reading_them_again(tmp_path, monkeypatch):
    text = 'no,born\nA,1960-01-01\n"B\nb",1961\nC,1962\n\nD\nE,1963\n'
    place = Place(tmp_path, TOML)
    place.send("a.csv", text)
    place.send("b.csv", "no,born\n")
    staged = place.stage()
    stored = read_sheet(place.home.store / "raw" / "west" / "1.1.arrows")
    read = staged.rows.filter(pl.col("fate").is_null())
    assert read["_row_id"].to_list() == stored["_row_id"].to_list()
    assert read["source_row"].to_list() == [2, 3, 5, 8]
    monkeypatch.setattr(rows_in_force, "raw_rows", None)
    facility = read_facility(place.home.facilities / "west.toml")
    uses = find_files(place.home, facility, place.home.settings())
    assert all_rows(uses).equals(staged.rows)


def test_row_id_says_where_the_row_stood(tmp_path):
    staged = stage_text(tmp_path, TOML, "no,born\nA,1960-01-01\n")
    assert staged.tables["patient"]["_row_id"].to_list() == [row_id(1, 1, 2)]
    assert row_id(3, 2, 7) == (3 << 40) | (2 << 32) | 7


def test_newest_submission_of_a_full_source_is_the_whole_truth(tmp_path):
    place = Place(tmp_path, TOML)
    place.send("a.csv", "no,born\nA,1960-01-01\nB,1961-01-01\n\n")
    place.land()
    place.send("b.csv", "no,born\nB,1961-01-02\n")
    staged = place.stage()
    assert staged.tables["patient"]["source_patient_id"].to_list() == ["B"]
    assert staged.tables["patient"]["_submission_no"].to_list() == [2]
    assert fates(staged) == [("a.csv", "blank", 1), ("a.csv", "superseded", 2), ("b.csv", None, 1)]


def test_every_submission_of_an_incremental_source_counts(tmp_path):
    place = Place(tmp_path, TOML.replace("files", 'mode = "incremental"\nfiles'))
    place.send("a.csv", "no,born\nA,1960-01-01\nB,1961-01-01\n")
    place.land()
    place.send("b.csv", "no,born\nB,1961-01-02\n")
    patient = place.stage().tables["patient"]
    assert patient.select("source_patient_id", "_submission_no").rows() == [("A", 1), ("B", 1), ("B", 2)]


def test_unusable_newer_submission_leaves_the_older_in_force(tmp_path):
    place = Place(tmp_path, TOML)
    place.send("a.csv", "no,born\nA,1960-01-01\n")
    place.land()
    place.send("b.csv", "number,born\nB,1961-01-02\n")
    staged = place.stage()
    assert staged.tables["patient"]["source_patient_id"].to_list() == ["A"]
    assert fates(staged) == [("a.csv", None, 1), ("b.csv", "rejected", 1)]
    assert ("S02", "error", "b.csv", "no", None) in file_issues(staged)


def test_issues_of_superseded_files_are_gone(tmp_path):
    place = Place(tmp_path, TOML)
    place.send("a.csv", "no,born,extra\nA,1960-01-01\n")
    place.land()
    place.send("b.csv", "no,born\nB,1961-01-02\n")
    assert place.stage().file_issues.is_empty()


def test_schema_drift_names_the_likely_new_column(tmp_path):
    toml = source(table("patient", PATIENT, 'birth_date = "出生日期"'), 'ignore = ["备注*"]')
    staged = stage_text(tmp_path, toml, "no,出生日期（新）,备注1,电话\nA,1960-01-01,x,1\n")
    rows = staged.file_issues.select("severity", "column_name", "reason", "suggestion").rows()
    assert rows == [
        (
            "warning",
            "出生日期",
            "the mapped column is missing",
            "map '出生日期（新）' instead, if that is its new name",
        ),
        ("warning", "出生日期（新）", "the column is neither mapped nor ignored", "map or ignore it"),
        ("warning", "电话", "the column is neither mapped nor ignored", "map or ignore it"),
    ]
    assert staged.tables["patient"]["birth_date"].to_list() == [None]


@pytest.mark.parametrize(
    ("missing", "spare", "likely"),
    [
        ("last contact", ["Last Contact "], "Last Contact "),
        ("最大径(cm)", ["最大径（cm）", "最小径(cm)"], "最大径（cm）"),
        ("sex", ["dose", "date"], None),
        ("sex", [], None),
    ],
)
def test_likely_name(missing, spare, likely):
    assert likely_name(missing, spare) == likely


def test_declared_columns_are_required(tmp_path):
    staged = stage_text(tmp_path, TOML.replace("files", 'required = ["born"]\nfiles'), "no,x\nA,1\n")
    assert fates(staged) == [("export.csv", "rejected", 1)]
    assert staged.tables["patient"].is_empty()


def test_mapped_names_with_line_breaks_are_found(tmp_path):
    toml = source(table("patient", PATIENT, 'birth_date = "出生\\n日期"'))
    staged = stage_text(tmp_path, toml, 'no,"出生\n日期"\nA,1960-01-01\n')
    assert staged.tables["patient"]["birth_date"].null_count() == 0
    assert staged.file_issues.is_empty()


def test_source_columns_may_be_called_like_our_own(tmp_path):
    toml = source(table("patient", PATIENT, 'residence_region = "sheet__2"'), 'ignore = ["*"]')
    staged = stage_text(tmp_path, toml, "no,sheet,submission_id,source_row\nA,north,s,r\n")
    assert staged.tables["patient"]["residence_region"].to_list() == ["north"]
    assert staged.file_issues.is_empty()


def test_file_that_no_source_takes(tmp_path):
    place = Place(tmp_path, TOML.replace("*.csv", "HIS_*.csv"))
    place.send("his_1.CSV", "no,born\nA,1960-01-01\n")
    place.send("other.csv", "no,born\nA,1960-01-01,\n")
    staged = place.stage()
    assert file_issues(staged) == [("S02", "error", "other.csv", None, None)]
    assert staged.sheets.select("source_file", "n_read").rows() == [("his_1.CSV", 1), ("other.csv", 0)]
    assert staged.files.select("source_file", "source_name", "status").rows() == [
        ("his_1.CSV", "his", "read"),
        ("other.csv", None, "no source takes this file"),
    ]


def test_unreadable_file_is_reported_and_the_rest_goes_on(tmp_path):
    place = Place(tmp_path, TOML)
    (place.inbox / "a.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    place.send("b.csv", "no,born\nA,1960-01-01\n")
    staged = place.stage()
    assert file_issues(staged) == [("S01", "error", "a.csv", None, None)]
    assert "PNG" in staged.file_issues["reason"][0]
    assert staged.tables["patient"].height == 1


def test_failing_reader_does_not_stop_the_others(tmp_path, monkeypatch):
    place = Place(tmp_path, TOML)
    place.send("a.csv", "no,born\nsecret,1960-01-01\n")
    place.land()
    monkeypatch.setattr(raw, "read_source", lambda *_: (_ for _ in ()).throw(RuntimeError("secret")))
    staged = place.stage()
    assert staged.file_issues["reason"].to_list() == ["the reader failed (RuntimeError); report it"]
    monkeypatch.undo()
    assert place.stage().tables["patient"].height == 1


def test_file_is_read_once_until_its_options_change(tmp_path, monkeypatch):
    place = Place(tmp_path, TOML)
    place.send("a.csv", "no,born\nA,1960-01-01\n")
    place.stage()
    calls = []
    read = raw.read_source
    monkeypatch.setattr(raw, "read_source", lambda *given: calls.append(given) or read(*given))
    place.stage()
    place.write_toml(TOML.replace('"born"', '"birth"'))
    place.stage()
    assert calls == []
    place.write_toml(TOML.replace("files", "skip_after_header = 1\nfiles"))
    assert place.stage().tables["patient"].is_empty()
    assert len(calls) == 1


def test_raw_rows_are_text_with_their_place(tmp_path):
    place = Place(tmp_path, TOML)
    place.send("a.csv", "no,born\n007,1960\n")
    place.stage()
    stored = read_sheet(place.home.store / "raw" / "west" / "1.1.arrows")
    assert stored.columns == ["no", "born", *LINEAGE]
    assert stored.row(0)[:2] == ("007", "1960")
    assert stored.row(0, named=True)["source_row"] == 2


def test_rows_that_were_just_written_are_not_hashed_again_to_quote_a_cell(tmp_path, monkeypatch):
    place = Place(tmp_path, TOML)
    place.send("a.csv", "no,born\nA,1960\nB,1961\n")
    place.stage()
    cells = pl.DataFrame(
        {"_row_id": [row_id(1, 1, 3)] * 2 + [row_id(2, 1, 2)], "source_column": ["born", "weight", "born"]}
    )
    monkeypatch.setattr(working_files, "sha256_of", None)
    assert raw_values(place.home, "west", cells)["value_text"].to_list() == ["1961", None, None]
    monkeypatch.undo()
    (place.home.store / "raw" / "west" / "1.1.arrows").write_bytes(b"")
    with pytest.raises(working_files.DamagedFile):
        raw_values(place.home, "west", cells)


def test_sheets_of_a_workbook_are_chosen_by_name(tmp_path):
    xlsxwriter = pytest.importorskip("xlsxwriter")
    place = Place(tmp_path, source(table("patient", PATIENT), 'sheets = ["20*"]', files="*.xlsx"))
    with xlsxwriter.Workbook(place.inbox / "a.xlsx") as book:
        for name, number in (("2019", "A"), ("说明", "note"), ("2020", "B")):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["no", "x"])
            sheet.write_row(1, 0, [number, "1"])
    staged = place.stage()
    assert staged.tables["patient"]["source_patient_id"].to_list() == ["A", "B"]
    assert staged.sheets["sheet"].to_list() == ["2019", "2020"]


def test_source_without_tables_keeps_its_files(tmp_path):
    toml = TOML.replace("*.csv", "a*") + '[[source]]\nname = "kept"\nfiles = ["b*"]\nignore = ["*"]\n'
    place = Place(tmp_path, toml)
    place.send("a.csv", "no,born\nA,1960-01-01\n")
    place.send("b.csv", "x,y\n1,2\n")
    staged = place.stage()
    assert staged.file_issues.is_empty()
    assert fates(staged) == [("a.csv", None, 1), ("b.csv", None, 1)]


def test_facility_that_has_sent_nothing(tmp_path):
    staged = Place(tmp_path, TOML).stage()
    assert staged.tables["patient"].is_empty()
    assert staged.tables["patient_xref"].is_empty()
    assert staged.rows.is_empty() and staged.issues.is_empty() and staged.coercions.is_empty()
    assert staged.files.is_empty() and staged.sheets.is_empty() and staged.file_issues.is_empty()
