"""Rules between tables: what their database holds and where it goes beyond its memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest

from registry_pipeline.core.settings import Settings
from registry_pipeline.core.sql_files import SqlFile
from registry_pipeline.validation.records import complete, curated
from registry_pipeline.validation.rules.catalogue import Catalogue, catalogue, parameters_of
from registry_pipeline.validation.screening.cross_table import FacilityRecords, judge_between_tables
from registry_pipeline.validation.screening.identifiers import number_identifiers
from registry_pipeline.validation.screening.record_database import open_records
from registry_pipeline.validation.screening.within_table import Outcome
from tests.support.staged import EXTRACT_DATE, records_of

RULES, PARAMETERS = catalogue(), parameters_of(Settings(), EXTRACT_DATE)


def _types(connection: duckdb.DuckDBPyConnection, name: str) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in connection.execute(f'DESCRIBE screened."{name}"').fetchall()]


def test_a_column_without_values_has_its_type_and_is_not_held() -> None:
    rows = pl.DataFrame({"_row_id": [1, 2]})
    of_blank = {name: complete(name, rows) for name in curated()}
    of_none = {name: frame.clear() for name, frame in of_blank.items()}
    with open_records(of_blank) as blank, open_records(of_none) as empty:
        for name, frame in of_blank.items():
            assert _types(blank, name) == _types(empty, name)
            assert blank.execute(f'SELECT count(*) FROM screened."{name}"').fetchall() == [(frame.height,)]
            columns = {column for column, _ in _types(blank, name)}
            held = {row[0] for row in blank.execute(f'DESCRIBE filled."{name}"').fetchall()}
            filled = {column.name for column in frame.iter_columns() if column.null_count() == 0}
            assert held == columns & filled


def test_what_is_beyond_the_memory_goes_beside_the_store_and_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, elsewhere = tmp_path / "store", tmp_path / "elsewhere"
    store.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    none = {name: complete(name, None) for name in curated()}
    large = "CREATE TEMP TABLE large AS SELECT hash(range) AS number FROM range(8_000_000)"
    with open_records(none, "40MB", spill_folder=store) as connection:
        connection.execute(large)
        assert [path.suffix for path in store.rglob("*") if path.is_dir()] == [".building"]
        assert any(path.is_file() for path in store.rglob("*"))
    assert not list(store.iterdir())
    with open_records(none, "40MB") as connection, pytest.raises(duckdb.OutOfMemoryException):
        connection.execute(large)
    assert not list(elsewhere.iterdir())


def test_a_rule_that_fails_is_noted_and_the_others_judge() -> None:
    query = "SELECT _row_id, CAST(source_patient_id AS INTEGER) > 5 AS is_violated FROM screened.patient"
    entry = replace(
        RULES.entries["H02"], table_name="patient", judged_by=SqlFile("H02", {}, query), thresholds={}
    )
    other = replace(entry, rule_id="H03", judged_by=SqlFile("H03", {}, query.replace("CAST", "TRY_CAST")))
    records = records_of(
        {"patient": [{"patient_id": "P1", "source_patient_id": sent} for sent in ("7", "x")]}
    )
    facility = FacilityRecords(records, number_identifiers(records), Outcome())
    judge_between_tables(facility, Catalogue({"H02": entry, "H03": other}), PARAMETERS)
    assert list(facility.outcome.failures) == ["H02"]
    assert facility.outcome.violations.whole()["rule_id"].to_list() == ["H03"]
