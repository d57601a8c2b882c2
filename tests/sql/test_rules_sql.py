"""Every SQL rule: its own passing and failing records, through DuckDB."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from registry_pipeline.core.settings import Settings
from registry_pipeline.core.sql_files import sql_files
from registry_pipeline.validation.records import TECHNICAL, complete, curated
from registry_pipeline.validation.rules.catalogue import catalogue, parameters_of
from registry_pipeline.validation.screening.cross_table import judge_by_sql, judged_tables
from registry_pipeline.validation.screening.record_database import open_records
from schemas.messages import messages, sentence
from schemas.table import columns_of
from tests.support.staged import EXTRACT_DATE, frame_of, records_of

PARAMETERS = parameters_of(Settings(), EXTRACT_DATE)
RULES = catalogue().of_scope("facility")
CHINESE = messages("zh_CN")
CASES = [
    (name, kind, number)
    for name in RULES
    for kind in ("passing", "failing")
    for number in range(len(sql_files("rules")[name].header[kind]))
]


@pytest.fixture(scope="module")
def empty() -> Iterator[duckdb.DuckDBPyConnection]:
    with open_records(records_of({})) as connection:
        yield connection


def _judged(
    connection: duckdb.DuckDBPyConnection, name: str, example: Mapping[str, Any]
) -> tuple[int, list[str]]:
    judged, violations = _violations(connection, name, example)
    return judged, violations["severity"].to_list()


def _violations(
    connection: duckdb.DuckDBPyConnection, name: str, example: Mapping[str, Any]
) -> tuple[int, pl.DataFrame]:
    tables = {key: frame_of(key, rows) for key, rows in example.items() if not key.startswith("_")}
    for table, frame in tables.items():
        connection.register("_example", pa.table(complete(table, frame).drop(set(TECHNICAL) - {"_row_id"})))
        connection.execute(
            f"DELETE FROM screened.{table}; INSERT INTO screened.{table} BY NAME FROM _example"
        )
    try:
        given = example.get("_parameters", {})
        entry = replace(RULES[name], thresholds={**RULES[name].thresholds, **given})
        judged, violations = judge_by_sql(connection, entry, {**PARAMETERS, **given})
    finally:
        for table in tables:
            connection.execute(f"DELETE FROM screened.{table}")
    return sum(judged.values()), violations


@pytest.mark.parametrize(("name", "kind", "number"), CASES, ids=[f"{n}-{k}-{i}" for n, k, i in CASES])
def test_examples(empty: duckdb.DuckDBPyConnection, name: str, kind: str, number: int) -> None:
    example = sql_files("rules")[name].header[kind][number]
    judged, found = _violations(empty, name, example)
    severities = found["severity"].to_list()
    assert judged > 0
    said = [*found["detail"].drop_nulls(), *found["suggestion"].drop_nulls()]
    untold = [text for text in said if " " in text and sentence(text, CHINESE) is None]
    assert untold == [], "add these to schemas/messages/zh_CN.toml"
    assert any(table in example for table in judged_tables(RULES[name]))
    wanted = [example.get("_severity", RULES[name].severity)] * example.get("_rows", 1)
    assert severities == (wanted if kind == "failing" else [])
    assert judged == example.get("_judged", judged)
    assert_told(found, example)


def assert_told(found: pl.DataFrame, example: Mapping[str, Any]) -> None:
    """``_told`` of an example: what the violations say in some columns, one text or several; "" is nothing."""
    for column, wanted in example.get("_told", {}).items():
        said = {value or "" for value in found[column].cast(pl.String)}
        assert said == ({wanted} if isinstance(wanted, str) else set(wanted)), column


@pytest.mark.parametrize("name", list(RULES))
def test_nothing_to_judge(empty: duckdb.DuckDBPyConnection, name: str) -> None:
    assert _judged(empty, name, {}) == (0, [])


@pytest.mark.parametrize("name", list(RULES))
def test_header_is_complete(name: str) -> None:
    entry = RULES[name]
    known = {column.name for column in columns_of(curated()[str(entry.table_name)])}
    assert set(entry.items) <= known
    assert entry.category and entry.source and entry.message[0].isupper()
    header = sql_files("rules")[name].header
    assert header["passing"] and header["failing"]


def test_a_softer_step_never_becomes_graver() -> None:
    entry = catalogue().overridden({"M08": {"severity": "info"}}).entries["M08"]
    example = sql_files("rules")["M08"].header["failing"][0]
    with open_records(records_of(example)) as connection:
        _, violations = judge_by_sql(connection, entry, PARAMETERS)
    assert violations["severity"].to_list() == ["info"]
