"""Rules between tables: what their database holds and where it goes beyond its memory, facilities side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from registry_pipeline.core.settings import Settings
from registry_pipeline.core.sql_files import SqlFile, sql_files
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


def _sent_by(
    facility_id: str, kind: str, without: Sequence[str] = (), blank: bool = False
) -> FacilityRecords:
    """The examples of all rules between tables as what a facility sent, the patients of each by themselves.

    Args:
        without: tables that it does not send.
        blank: no record says to which other one it belongs.
    """
    tables: dict[str, list[dict[str, Any]]] = {}
    for number, entry in enumerate(RULES.of_scope("facility")):
        for at, example in enumerate(sql_files("rules")[entry].header[kind]):
            for name, rows in example.items():
                if name[0] != "_" and name not in without:
                    tables.setdefault(name, []).extend(_as_own(row, f"-{number}.{at}", blank) for row in rows)
    records = records_of(tables)
    named = {name: frame.with_columns(facility_id=pl.lit(facility_id)) for name, frame in records.items()}
    return FacilityRecords(named, number_identifiers(named), Outcome())


def _as_own(row: Mapping[str, Any], suffix: str, blank: bool) -> dict[str, Any]:
    named = {key: f"{value}{suffix}" if key.endswith("_id") else value for key, value in row.items()}
    if blank:
        references = {"patient_id", "episode_id", "lesion_id", "lrt_id", "tumour_id"}
        named |= dict.fromkeys(references & named.keys()) | dict.fromkeys({"event_evidence"} & named.keys())
    return {key: value for key, value in named.items() if key != "_row_id"}


def _judgements(facility: FacilityRecords) -> tuple[list[tuple[Any, ...]], dict[str, int], dict[str, str]]:
    violations = facility.outcome.violations.whole()
    return sorted(violations.rows(), key=repr), facility.outcome.denominators, facility.outcome.failures


def test_facilities_side_by_side_are_judged_as_each_alone() -> None:
    asked_for = ("regional_recurrence", "imaging_exam", "lesion", "toxicity")  # where a facility sends any
    sent: list[tuple[str, Sequence[str], bool]] = [
        ("failing", (), False),
        ("failing", asked_for, False),
        ("failing", (), True),
        ("passing", (), False),
        ("failing", (), True),
    ]
    together = [_sent_by(f"f{at}", *parts) for at, parts in enumerate(sent)]
    judge_between_tables(together, RULES, PARAMETERS)
    assert all(len(facility.outcome.violations) > 10 for facility in together[:2])
    for at, parts in enumerate(sent[:3]):
        alone = _sent_by(f"f{at}", *parts)
        judge_between_tables([alone], RULES, PARAMETERS)
        assert _judgements(together[at]) == _judgements(alone)


def test_a_rule_that_fails_on_the_records_of_one_facility_judges_the_others() -> None:
    query = "SELECT _row_id, CAST(source_patient_id AS INTEGER) > 5 AS is_violated FROM screened.patient"
    entry = replace(
        RULES.entries["H02"], table_name="patient", judged_by=SqlFile("H02", {}, query), thresholds={}
    )
    facilities = []
    for number in ("7", "x"):
        records = records_of({"patient": [{"patient_id": "P1", "source_patient_id": number}]})
        facilities.append(FacilityRecords(records, number_identifiers(records), Outcome()))
    judge_between_tables(facilities, Catalogue({"H02": entry}), PARAMETERS)
    assert [len(facility.outcome.violations) for facility in facilities] == [1, 0]
    assert [list(facility.outcome.failures) for facility in facilities] == [[], ["H02"]]
