"""The data losses reported of other REDCap readers: each of them is a test here.

Source: issues REDCapR#143, REDCapTidieR#234, #169 and #200, redcap-etl#22, redcapAPI#95, PyCap#267.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from registry_pipeline.intake.stage import Staged
from tests.support.redcap_project import (
    BASE,
    COLUMNS,
    LATER,
    LESION,
    PERSON,
    TUMOUR,
    VISIT,
    Project,
    a_row,
    broken,
)

NO_REPEATS = tuple(name for name in COLUMNS if not name.startswith("redcap_repeat"))


def _ids(staged: Staged, table: str, column: str) -> list[str]:
    """What stands behind the pseudonym in an identifier, in order."""
    return sorted(one.split("-", 1)[1] for one in staged.tables[table][column])


def _unused(staged: Staged) -> int:
    """Rows of exports that feed no record."""
    fed = pl.concat(
        frame.select(pl.col("_row_ids").explode().alias("_row_id")) for frame in staged.tables.values()
    )
    data = staged.rows.filter(pl.col("source_name") == "redcap")
    return data.join(fed, on="_row_id", how="anti").height


def test_redcapr_143_repeat_columns_vanish_when_a_batch_has_no_repeats(tmp_path: Path) -> None:
    """The same mapping reads a batch with the two columns and one without them, and loses nothing of either."""
    project = Project(tmp_path)
    project.export(a_row("1", **PERSON), a_row("1", BASE, "lesion", "1", **LESION))
    project.stage()
    staged = project.export(a_row("2", **PERSON, **LESION), columns=NO_REPEATS).stage()
    assert _ids(staged, "lesion", "lesion_id") == [f"{BASE}-L1"]
    assert staged.tables["patient"].height == 1  # the newest full export is the whole truth
    told = staged.file_issues.filter(pl.col("rule_id") == "S20")
    assert told["column_name"].to_list() == ["redcap_repeat_instrument"]
    assert "S02" not in staged.file_issues["rule_id"]


def test_redcaptidier_234_an_empty_repeating_form_is_no_record(tmp_path: Path) -> None:
    """Opened and saved empty, whatever its status says; its row is accounted for as blank."""
    staged, done = (
        Project(tmp_path)
        .export(
            a_row("1", **PERSON),
            a_row("1", BASE, "lesion", "1", **LESION),
            a_row("1", BASE, "lesion", "2", lesion_complete="0"),
            a_row("1", BASE, "lesion", "3", lesion_complete="2"),
            a_row("2", **PERSON, tumour_complete="0", spread___1="0", spread___2="0", spread___3="0"),
        )
        .screened()
    )
    assert _ids(staged, "lesion", "lesion_id") == [f"{BASE}-L1"]
    assert staged.tables["primary_tumour"].is_empty()
    account = done.row_account.filter(pl.col("source_file") == "P_DATA_1.csv").row(0, named=True)
    assert (account["n_read"], account["n_unrouted"]) == (5, 2)


def test_redcaptidier_169_a_form_repeats_in_one_event_and_not_in_another(tmp_path: Path) -> None:
    staged = (
        Project(tmp_path)
        .export(
            a_row("1", **PERSON, **LESION),
            a_row("1", LATER, "lesion", "1", **LESION),
            a_row("1", LATER, "lesion", "2", **LESION),
        )
        .stage()
    )
    assert _ids(staged, "lesion", "lesion_id") == [f"{BASE}-L1", f"{LATER}-L1", f"{LATER}-L2"]
    assert staged.tables["patient"].height == 1
    assert _unused(staged) == 0


def test_redcaptidier_200_a_form_in_a_repeating_event_and_in_a_single_one(tmp_path: Path) -> None:
    """In a repeating event the instrument is blank and the instance counts the event."""
    visit = {"seen": "2016-05-01", "state": "1", "visit_complete": "2"}
    staged = (
        Project(tmp_path)
        .export(
            a_row("1", **PERSON, **visit),
            a_row("1", VISIT, "", "2", **{**visit, "seen": "2016-09-01"}),
            a_row("1", VISIT, "", "3", **{**visit, "seen": "2017-01-01"}),
        )
        .stage()
    )
    assert _ids(staged, "followup", "followup_id") == ["V1", "V2", "V3"]
    assert staged.tables["followup"]["contact_date"].n_unique() == 3
    assert _unused(staged) == 0


def test_redcap_etl_22_every_instrument_feeds_its_own_table(tmp_path: Path) -> None:
    """One row of one event holds three forms; each becomes a record of its table, without the others' columns."""
    staged = (
        Project(tmp_path)
        .export(
            a_row("1", **PERSON, **TUMOUR, seen="2016-05-01", state="1"),
            a_row("1", BASE, "lesion", "1", **LESION),
        )
        .stage()
    )
    heights = {name: frame.height for name, frame in staged.tables.items() if name != "patient_xref"}
    assert heights == {"patient": 1, "primary_tumour": 1, "lesion": 1, "followup": 1}
    assert staged.tables["patient"]["_row_id"].to_list() == staged.tables["followup"]["_row_id"].to_list()


def test_redcapapi_95_rows_without_a_repeat_instrument_are_kept(tmp_path: Path) -> None:
    """Also where a repeating instrument of the same record and event stands beside them."""
    staged, done = (
        Project(tmp_path)
        .export(
            a_row("1", BASE, "lesion", "1", **LESION),
            a_row("1", **PERSON, **TUMOUR),
            a_row("2", BASE, "lesion", "1", **LESION),
        )
        .screened()
    )
    assert staged.tables["patient"]["source_patient_id"].to_list() == ["1"]
    assert staged.tables["primary_tumour"].height == 1
    assert staged.tables["lesion"].height == 2
    assert broken(done, "S18"), "the lesion of a record without its person is told, not dropped"


def test_pycap_267_a_repeating_row_is_known_by_all_parts_of_its_key(tmp_path: Path) -> None:
    """Instances of one record stay apart; a key that stands twice is an error at both of its rows."""
    staged, done = (
        Project(tmp_path)
        .export(
            a_row("1", **PERSON),
            a_row("1", BASE, "lesion", "1", **LESION),
            a_row("1", BASE, "lesion", "2", **LESION),
            a_row("1", LATER, "lesion", "1", **LESION),
            a_row("2", **PERSON),
            a_row("2", BASE, "lesion", "1", **LESION),
            a_row("2", BASE, "lesion", "1", **{**LESION, "found": "2016-02-01"}),
        )
        .screened()
    )
    assert staged.tables["lesion"]["lesion_id"].n_unique() == 4
    twice = [(row, column) for _, row, column in broken(done, "S04")]
    assert twice == [(7, "redcap_repeat_instance")], "one finding for the record that both rows claim to be"
    (message,) = done.findings.filter(pl.col("rule_id") == "S04")["message"]
    assert message.endswith("The other row: P_DATA_1.csv, row 8."), message
    (doubtful,) = (
        staged.tables["lesion"]
        .filter(pl.col("_row_id").is_duplicated() | (pl.col("_row_id") & 0xFFFF > 6))["lesion_id"]
        .unique()
    )
    assert doubtful in done.quarantined["lesion"]["lesion_id"]
    fates = done.row_account.filter(pl.col("source_file") == "P_DATA_1.csv").row(0, named=True)
    assert fates["n_quarantined"] >= 2
