"""pandera's column checks and the CHECKs of the DuckDB tables judge the same records alike."""

from __future__ import annotations

import random
from datetime import date, datetime
from typing import Any

import duckdb
import pandera.polars as pa
import polars as pl
import pytest
from pandera.errors import SchemaErrors

import schemas
from registry_pipeline.validation.records import curated, required_items
from registry_pipeline.validation.rules.catalogue import Catalogue, catalogue
from registry_pipeline.validation.screening.impossible_values import take_out_impossible
from registry_pipeline.validation.screening.within_table import Outcome, judge_table
from schemas.columns import Column
from schemas.constraints import quote
from schemas.derive import check_sql
from schemas.table import columns_of, key_of
from tests.support.staged import EXTRACT_DATE

N = 300
TABLES = sorted(schemas.tables())
DATES: tuple[Any, ...] = (date(2020, 2, 29), date(1900, 1, 1))
ODD_TEXTS = ("", " ", "F ", "f", "１", "\n", "day\n", "x' OR 'y", "C53.9", "NULL")


def _values(column: Column, rng: random.Random) -> list[Any]:
    """Values in and out of a column's bounds and codes, and NULL."""
    if column.codes is not None:
        usual: list[Any] = [
            *column.codes.codes,
            *(code + "\n" for code in column.codes.codes[:2]),
            *ODD_TEXTS,
        ]
    elif column.kind in ("integer", "real"):
        edges = [edge for edge in (column.minimum, column.maximum) if edge is not None]
        near = [edge + step for edge in edges for step in (-1, 0, 1)]
        usual = [*(int(one) if column.kind == "integer" else float(one) for one in near), 0, 3, -7]
        usual = [float(one) if column.kind == "real" else one for one in usual]
    elif column.kind == "boolean":
        usual = [True, False]
    elif column.kind == "text":
        usual = list(ODD_TEXTS)
    else:
        usual = list(DATES if column.kind == "date" else (datetime(2020, 1, 1),))
    return [None if rng.random() < 0.1 else rng.choice(usual) for _ in range(N)]


def _frame(model: pa.DataFrameSchema) -> pl.DataFrame:
    rng = random.Random(f"parity of {model.name}")
    columns = columns_of(model)
    made = {one.name: pl.Series(one.name, _values(one, rng), dtype=one.polars_type) for one in columns}
    return pl.DataFrame(made).with_row_index("_row_id").with_columns(pl.col("_row_id").cast(pl.Int64))


def _broken_by_pandera(model: pa.DataFrameSchema, frame: pl.DataFrame) -> set[tuple[int, str]]:
    try:
        model.validate(frame, lazy=True)
    except SchemaErrors as found:
        cases = found.failure_cases.filter(pl.col("schema_context") == "Column").drop_nulls("index")
        return {(int(index), str(column)) for index, column in cases.select("index", "column").iter_rows()}
    return set()


def _broken_by_duckdb(model: pa.DataFrameSchema, frame: pl.DataFrame) -> set[tuple[int, str]]:
    broken: set[tuple[int, str]] = set()
    with duckdb.connect() as connection:
        connection.register("judged", frame.to_arrow())
        for column in columns_of(model):
            conditions = [f"NOT ({check})"] if (check := check_sql(column)) else []
            if column.is_required or column.name in key_of(model):
                conditions.append(f"{quote(column.name)} IS NULL")
            for condition in conditions:
                rows = connection.execute(f"SELECT _row_id FROM judged WHERE {condition}").fetchall()
                broken |= {(row[0], column.name) for row in rows}
    return broken


@pytest.mark.parametrize("name", TABLES)
def test_model_and_ddl_agree(name: str) -> None:
    model = schemas.tables()[name]
    without_key = pa.DataFrameSchema(model.columns, name=model.name)
    frame = _frame(model)
    broken = _broken_by_duckdb(model, frame)
    assert _broken_by_pandera(without_key, frame) == broken
    closed = [one for one in columns_of(model) if one.codes or one.is_required or one.minimum is not None]
    assert broken or not (closed or key_of(model))


@pytest.mark.parametrize("name", list(curated()))
def test_screening_and_ddl_agree(name: str) -> None:
    """S05, S10, S14 and S19 are what the release's NOT NULL and CHECK refuse: no accepted record can fail there."""
    model, frame = curated()[name], _frame(curated()[name])
    reasons = [one for one in frame.columns if one.endswith("_date_reason")]  # judged with their dates
    frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(one) for one in reasons)
    generic = Catalogue({one: catalogue().entries[one] for one in ("S05", "S10", "S14", "S19")})
    outcome = Outcome()
    possible = take_out_impossible({name: frame}, generic, outcome)[name]
    judge_table(name, possible, generic, {"extract_date": EXTRACT_DATE}, outcome)
    assert outcome.failures == {}
    found = outcome.violations.whole().select("_row_id", "items")
    assert set(found.iter_rows()) == _broken_by_duckdb(model, frame)
    required = set(required_items(name))
    assert {item for _, item in _broken_by_duckdb(model, possible)} <= required
