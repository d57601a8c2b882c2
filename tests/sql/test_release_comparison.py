"""Between releases: whatever column changes, empties or is blanked is told, with the value before and now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import duckdb
import polars as pl
import pytest

import schemas
from registry_pipeline.core.settings import Settings
from registry_pipeline.validation.records import curated, date_stems
from registry_pipeline.validation.registry_wide.registry_rules import run_registry_rules
from registry_pipeline.validation.registry_wide.release_comparison import RELATIONS, compare_releases
from registry_pipeline.validation.rules.catalogue import Catalogue, catalogue, parameters_of
from schemas.columns import Column
from schemas.table import columns_of, key_of
from tests.support.staged import EXTRACT_DATE

BETWEEN = ("G03", "G05", "G11", "G12", "G13")
RULES = Catalogue({rule: catalogue().entries[rule] for rule in BETWEEN})
VALUES: dict[str, tuple[Any, Any]] = {
    "text": ("a", "b"), "integer": (1, 2), "real": (1.5, 2.5), "boolean": (True, False),
    "date": (date(2020, 1, 1), date(2021, 1, 1)),
}  # fmt: skip


def _compared() -> Iterator[tuple[str, Column]]:
    for table, model in curated().items():
        parts = {f"{stem}_{part}" for stem in date_stems(model) for part in ("precision", "lower", "upper")}
        for column in columns_of(model):
            if column.is_compared and column.name not in {*parts, *key_of(model)}:
                yield table, column


COMPARED = list(_compared())


FILLED: set[str] = set()


@pytest.fixture
def registry(empty_releases: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    yield empty_releases
    _empty(empty_releases)


def _empty(connection: duckdb.DuckDBPyConnection) -> None:
    while FILLED:
        connection.execute(f"DELETE FROM {FILLED.pop()}")


def _put(connection: duckdb.DuckDBPyConnection, place: str, table: str, **values: Any) -> None:
    known = {one.name for one in columns_of(schemas.tables()[table])}
    row = {"patient_id": "P1", "facility_id": "x", **values}
    row = {key: value for key, value in row.items() if key in known}
    names, marks = ", ".join(f'"{one}"' for one in row), ", ".join("?" for _ in row)
    FILLED.add(f"{place}{table}")
    connection.execute(f"INSERT INTO {place}{table} ({names}) VALUES ({marks})", list(row.values()))


def _key(table: str, number: int = 0) -> dict[str, Any]:
    return {one: f"k{number}" for one in key_of(curated()[table]) if one != "patient_id"}


def _findings(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    findings, _, failures, _ = run_registry_rules(connection, RULES, parameters_of(Settings(), EXTRACT_DATE))
    assert failures == {}
    return findings


def _values(column: Column) -> tuple[Any, Any]:
    if column.codes is None:
        return VALUES[column.kind]
    known = [code for code in column.codes.codes if code not in column.codes.unknown]
    return known[0], known[-1]


@pytest.fixture(scope="module")
def told_of_all(empty_releases: duckdb.DuckDBPyConnection) -> dict[str, pl.DataFrame]:
    """Findings of two releases that differ in every column, each in a row of its own: emptied, and changed."""
    told = {}
    for case in ("emptied", "changed"):
        for number, (table, column) in enumerate(COMPARED):
            before, after = _values(column)
            key = {**_key(table, number), "patient_id": f"P{number}"}
            now = None if case == "emptied" else after
            _put(empty_releases, "previous.", f"curated.{table}", **{**key, column.name: before})
            _put(empty_releases, "", f"curated.{table}", **{**key, column.name: now})
        told[case] = _findings(empty_releases)
        _empty(empty_releases)
    return told


@pytest.mark.parametrize(
    ("table", "column"), COMPARED, ids=[f"{table}.{column.name}" for table, column in COMPARED]
)
def test_every_column_that_is_compared_is_told_of(
    told_of_all: dict[str, pl.DataFrame], table: str, column: Column
) -> None:
    before, after = _values(column)
    for case, now in (("emptied", None), ("changed", after)):
        told = told_of_all[case].filter(pl.col("items") == column.name, pl.col("table_name") == table)
        if now == before:
            assert told.is_empty()
            continue
        assert told.height == 1, (table, column.name, now)
        assert (told["old_value"][0] or "").lower() == str(before).lower()
        assert (told["new_value"][0] or "").lower() == ("" if now is None else str(now).lower())
        assert "a column" not in told["message"][0]


def test_a_code_that_means_unknown_is_a_value_lost(registry: duckdb.DuckDBPyConnection) -> None:
    _put(registry, "previous.", "curated.death", death_cause="cancer")
    _put(registry, "", "curated.death", death_cause="unk")
    assert _findings(registry)["rule_id"].to_list() == ["G11"]


def test_a_column_that_empties_is_one_finding(registry: duckdb.DuckDBPyConnection) -> None:
    for number in range(15):
        patient = {"patient_id": f"P{number}"}
        _put(registry, "previous.", "curated.patient", **patient, residence_region="north")
        _put(registry, "", "curated.patient", **patient)
    found = _findings(registry)
    assert found.select("rule_id", "items", "record_key").rows() == [
        ("G12", "residence_region", "patient.residence_region")
    ]
    assert found["message"][0].endswith(
        "(residence_region: 15 of 15 filled in the submission before, 0 of 15 now)"
    )


def test_a_second_change_is_compared_with_the_first_value_and_a_restored_one_is_no_finding(
    registry: duckdb.DuckDBPyConnection,
) -> None:
    _put(registry, "previous.", "curated.lesion", lesion_id="L1", laterality="L")
    _put(registry, "", "curated.lesion", lesion_id="L1", laterality="R")
    first = _findings(registry)
    registry.execute(
        "UPDATE previous.curated.lesion SET laterality = 'R'; UPDATE curated.lesion SET laterality = 'mid'"
    )
    _put(
        registry, "previous.", "quality.finding", status="open",
        **{name: first[name][0] for name in ("finding_id", "rule_id", "table_name", "record_key", "old_value", "new_value")},
    )  # fmt: skip
    second = _findings(registry)
    assert second.select("finding_id", "old_value", "new_value").rows() == [
        (first["finding_id"][0], "L", "mid")
    ]
    registry.execute("UPDATE curated.lesion SET laterality = 'L'")
    assert _findings(registry).is_empty()


def test_what_a_refresh_holds_back_is_not_removed(registry: duckdb.DuckDBPyConnection) -> None:
    _put(registry, "", "curated.patient")
    _put(registry, "previous.", "curated.lesion", lesion_id="L1")
    assert _findings(registry)["rule_id"].to_list() == ["G13"]
    _put(registry, "", "quality.quarantine", table_name="lesion", record_key="L1")
    assert _findings(registry).is_empty()


@pytest.mark.parametrize("table", sorted(curated()))
def test_an_unchanged_table_is_counted_as_if_it_were_compared(
    registry: duckdb.DuckDBPyConnection, table: str
) -> None:
    """What is the same in both releases need not be joined; every relation is as with the join."""
    other = "event" if table != "event" else "lesion"
    for place in ("", "previous."):
        for number in range(7):
            row = {**_key(table, number), "patient_id": f"P{number}", "facility_id": "xy"[number % 2]}
            _put(registry, place, f"curated.{table}", **row)
    for number in range(7):
        row = {**_key(other, number), "patient_id": f"P{number}"}
        _put(registry, "previous.", f"curated.{other}", **row)
    _put(registry, "", "curated.patient", patient_id="P1", facility_id="y")
    relations = []
    for changed in ({}, {table: []}):
        compare_releases(registry, changed)
        relations.append([sorted(registry.execute(f"FROM {one}").fetchall(), key=str) for one in RELATIONS])
    assert relations[0] == relations[1]
    assert relations[0][0], "nothing had changed elsewhere"
    assert [row for row in relations[0][1] if row[0] == table]
    registry.execute(f"DELETE FROM curated.{table} WHERE facility_id = 'y'")  # the other facility is counted
    for changed in ({}, {table: ["y"]}):
        compare_releases(registry, changed)
        records = registry.execute(f"FROM comparison.record WHERE table_name = '{table}'").fetchall()
        assert records == [row for row in relations[0][1] if row[:2] == (table, "x")]
    for place in ("", "previous."):  # no release has it
        _put(registry, place, f"curated.{table}", patient_id=None)
    compare_releases(registry)
    assert registry.execute(f"FROM comparison.record WHERE table_name = '{table}'").fetchall() == records
