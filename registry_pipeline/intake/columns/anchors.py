"""Dates that are stated as a number of days from another date of the patient.

Belongs here: one anchor date per patient, and counting from it.
Does not belong here: where anchors are declared (``facility.py``), typing other columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from registry_pipeline.intake.columns.values import CHANGE_SCHEMA, ISSUE_SCHEMA, Typed
from registry_pipeline.intake.mapping.column import ColumnMapping
from registry_pipeline.intake.mapping.model import Anchor, Facility

MAX_DAYS = 54_788
"""150 years; a larger number is no day count of a patient."""
_PARTS = ("value", "precision", "lower", "upper")


@dataclass(frozen=True)
class AnchorDates:
    """``dates``: patient_id, value, precision, lower, upper, is_ambiguous; each patient once."""

    dates: pl.DataFrame


def anchor_dates(anchor: Anchor, facility: Facility, parts: Sequence[pl.DataFrame]) -> AnchorDates:
    """One date per patient: of the most trusted source, of its newest submission.

    Two different dates there leave the patient without one; nothing is guessed.

    Args:
        parts: staged rows (patient_id, the date's columns, _source_no, _submission_no) of every
            ``[[source.table]]`` that fills the anchor.
    """
    columns = {anchor.column: "value"} | {f"{anchor.column}_{part}": part for part in _PARTS[1:]}
    chosen = ["patient_id", *columns, "_source_no", "_submission_no"]
    rows = (
        pl.concat([part.select(chosen) for part in parts]).rename(columns).drop_nulls(["patient_id", "value"])
    )
    key = next(
        (item for item in (f"{anchor.table}.{anchor.column}", anchor.table) if item in facility.precedence),
        "",
    )
    trusted = facility.precedence.get(key, ())
    rank = {
        source.number: trusted.index(source.name) if source.name in trusted else len(trusted) + source.number
        for source in facility.sources
    }
    rows = rows.with_columns(pl.col("_source_no").cast(pl.Int64).replace_strict(rank).alias("_rank"))
    rows = rows.filter(pl.col("_rank") == pl.col("_rank").min().over("patient_id"))
    rows = rows.filter(pl.col("_submission_no") == pl.col("_submission_no").max().over("patient_id"))
    dates = rows.group_by("patient_id").agg(
        pl.col(list(_PARTS)).first(), (pl.col("value").n_unique() > 1).alias("is_ambiguous")
    )
    return AnchorDates(dates)


def date_from_days(
    typed: Typed, column: ColumnMapping, row_ids: pl.Series, patients: pl.Series, anchor: AnchorDates
) -> Typed:
    """The date that lies a number of days after (before, if negative) the patient's anchor.

    Fractions are rounded to the nearest day, halves up. The date is as exact as its anchor: bounds move
    with it.
    """
    name = column.target.name
    rows = pl.DataFrame(
        [
            row_ids,
            patients,
            typed.values[name].alias("days"),
            typed.texts.alias("text"),
            typed.source_column.alias("source_column"),
        ]
    ).join(anchor.dates, on="patient_id", how="left", maintain_order="left")
    rows = rows.with_columns(_reason().alias("reason"))
    is_good = pl.col("days").is_not_null() & pl.col("reason").is_null()
    whole = pl.when(is_good).then((pl.col("days") + 0.5).floor().cast(pl.Int64))
    moved = [
        (pl.when(is_good).then(pl.col(part)) + pl.duration(days=whole)).cast(pl.Date).alias(part)
        for part in ("value", "lower", "upper")
    ]
    rows = rows.with_columns(*moved, pl.when(is_good).then("precision").alias("precision"))
    names = {"value": name} | {part: f"{name}_{part}" for part in _PARTS[1:]}
    return replace(
        typed,
        values=rows.select(pl.col(part).alias(own) for part, own in names.items()),
        issues=pl.concat([typed.issues, _issues(rows, name)]),
        changes=pl.concat([typed.changes, _changes(rows, name)]),
    )


def _reason() -> pl.Expr:
    has_days = pl.col("days").is_not_null()
    return (
        pl.when(has_days & (pl.col("days").abs() > MAX_DAYS))
        .then(pl.lit("day_count_out_of_range"))
        .when(has_days & pl.col("value").is_null())
        .then(pl.lit("anchor_missing"))
        .when(has_days & pl.col("is_ambiguous"))
        .then(pl.lit("anchor_ambiguous"))
    )


def _issues(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    bad = rows.filter(pl.col("reason").is_not_null())
    return bad.select(
        "_row_id",
        pl.lit(name).alias("column_name"),
        "source_column",
        pl.lit("S09").alias("rule_id"),
        "reason",
        pl.col("text").alias("value_text"),
    ).cast(ISSUE_SCHEMA)  # type: ignore[arg-type]


def _changes(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    result = rows.filter(pl.col("reason").is_null() & pl.col("days").is_not_null())
    return result.select(
        "_row_id",
        pl.lit(name).alias("column_name"),
        pl.col("text").alias("text_before"),
        pl.col("value").dt.to_string("%Y-%m-%d").alias("value_after"),
        pl.lit("anchor").alias("parser"),
    ).cast(CHANGE_SCHEMA)  # type: ignore[arg-type]
