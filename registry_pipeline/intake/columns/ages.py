"""Dates of birth that are stated as an age at another date.

Belongs here: the days on which a woman of an age can have been born. Does not belong here: plausible ages (rules).
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from registry_pipeline.core.frames import with_schema
from registry_pipeline.intake.columns.values import CHANGE_SCHEMA, ISSUE_SCHEMA, Typed, type_column
from registry_pipeline.intake.mapping.column import ColumnMapping
from registry_pipeline.intake.mapping.model import Source
from registry_pipeline.intake.mapping.table import curated_tables

MOST_YEARS = 130


def birth_from_age(rows: pl.DataFrame, mapping: ColumnMapping, source: Source) -> Typed:
    """The date of birth behind an age: known to a span of a year, of which the value is the middle.

    A woman of 53 completed years on a day was born after that day 54 years before and not after it 53 years before.
    """
    assert mapping.years_before is not None
    name = mapping.target.name
    whole = curated_tables()["primary_tumour"]["age_at_diagnosis_years"]
    ages = type_column(
        rows, replace(mapping, target=whole, years_before=None, rounding="floor", formats=()), source, {}
    )
    days = type_column(
        rows,
        ColumnMapping(mapping.target, sources=(mapping.years_before,), formats=mapping.formats),
        source,
        {},
    )
    cells = pl.DataFrame([rows["_row_id"], ages.texts.alias("text"), ages.source_column]).hstack(
        days.values.select(pl.col(f"{name}_lower").alias("first"), pl.col(f"{name}_upper").alias("last"))
    )
    cells = cells.with_columns(ages.values.to_series().alias("age"), pl.lit(name).alias("column_name"))
    is_age = pl.col("age").is_between(0, MOST_YEARS)
    cells = cells.with_columns(
        pl.when(is_age).then(_years_before("first", pl.col("age") + 1).dt.offset_by("1d")).alias("lower"),
        pl.when(is_age).then(_years_before("last", pl.col("age"))).alias("upper"),
    ).with_columns((pl.col("lower") + (pl.col("upper") - pl.col("lower")) / 2).cast(pl.Date).alias("value"))
    is_known = pl.col("value").is_not_null()
    values = cells.select(
        pl.col("value").alias(name),
        pl.when(is_known).then(pl.lit("year")).alias(f"{name}_precision"),
        pl.col("lower").alias(f"{name}_lower"),
        pl.col("upper").alias(f"{name}_upper"),
    )
    return Typed(
        values,
        ages.texts,
        ages.source_column,
        _issues(cells, ages, days, name),
        _changes(cells.filter(is_known)),
    )


def _years_before(day: str, years: pl.Expr) -> pl.Expr:
    return pl.col(day).dt.offset_by(pl.concat_str(pl.lit("-"), years, pl.lit("y")))


def _issues(cells: pl.DataFrame, ages: Typed, days: Typed, name: str) -> pl.DataFrame:
    odd = cells.filter(pl.col("age").is_not_null() & ~pl.col("age").is_between(0, MOST_YEARS)).with_columns(
        pl.lit("S09").alias("rule_id"),
        pl.lit("out_of_range").alias("reason"),
        pl.col("text").alias("value_text"),
    )
    own = ages.issues.with_columns(pl.lit(name).alias("column_name"))
    return pl.concat([own, days.issues, with_schema(odd, ISSUE_SCHEMA)])


def _changes(aged: pl.DataFrame) -> pl.DataFrame:
    result = aged.with_columns(
        pl.col("text").alias("text_before"),
        pl.col("value").dt.to_string("%Y-%m-%d").alias("value_after"),
        pl.lit("age").alias("parser"),
    )
    return with_schema(result, CHANGE_SCHEMA)
