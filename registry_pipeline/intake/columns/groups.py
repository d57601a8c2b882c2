"""Several source rows to one record.

Belongs here: groups and what becomes of their values.
Does not belong here: merging records of several submissions or sources (the validation does that).

Rows make one record when they have the same patient, the same submission and the same values of the
``group_by`` columns; a row without one of these values stays alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from registry_pipeline.intake.columns.readings import SIZE_FIELDS
from registry_pipeline.intake.columns.values import ISSUE_SCHEMA, SOURCE_PREFIX
from registry_pipeline.intake.mapping.column import ColumnMapping
from registry_pipeline.intake.mapping.model import TableMapping
from schemas.columns import DATE_PARTS

_ALONE = "_alone"
_COUNTED = "_counted "
_COMBINING = ("sum", "min", "max")
"""Aggregates whose value is another one when a row that leaves its cell blank is filled."""
_REASONS = {"S16": "rows_of_one_record_disagree", "S28": "rows_of_one_record_blank"}


def is_counted(column: ColumnMapping) -> pl.Expr:
    """Whether a source row counts for ``aggregate = "count"``: any row, or one whose source column is filled."""
    filled = (
        pl.any_horizontal(pl.col(list(column.sources)).is_not_null())
        if column.sources
        else pl.col("_row_id") >= 0
    )
    return filled.alias(_COUNTED + column.target.name)


def group_rows(records: pl.DataFrame, mapping: TableMapping) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records with ``_row_ids``, and issues where rows of one record disagree (S16) or leave a part out (S28).

    Args:
        records: typed columns; the ``group_by`` columns under ``SOURCE_PREFIX``.
    """
    no_issues = pl.DataFrame(schema=ISSUE_SCHEMA)
    if not mapping.group_by:
        return records.with_columns(pl.concat_list("_row_id").alias("_row_ids")), no_issues
    keys = [SOURCE_PREFIX + name for name in mapping.group_by]
    is_alone = pl.any_horizontal(pl.col([*keys, "patient_id"]).is_null())
    by = ["patient_id", "_submission_no", *keys, _ALONE]
    rows = records.with_columns(pl.when(is_alone).then("_row_id").alias(_ALONE))
    bundles = _bundles(records.columns, mapping)
    rest = [name for name in records.columns if name not in by and name not in _bundled(bundles)]
    held = [name for name in rest if not name.startswith(_COUNTED)]
    counts = [_count(column) for column in mapping.columns.values() if column.aggregate == "count"]
    behind = {name: next(mapping.columns_behind(mapping.columns[name]), None) for name in bundles}
    free = {name: (name, behind[name]) for name in bundles if mapping.columns[name].aggregate is None}
    free |= _parts_of_identifiers(held, mapping)
    combined = {name: behind[name] for name in bundles if mapping.columns[name].aggregate in _COMBINING}
    grouped = rows.group_by(by, maintain_order=True).agg(
        *(pl.col(name).first() for name in held),
        *(part for name, parts in bundles.items() for part in _chosen(mapping.columns[name], parts)),
        *counts,
        *((pl.col(name).drop_nulls().n_unique() > 1).alias(f"_clash {name}") for name in free),
        *(((pl.col(name).count() > 0) & pl.col(name).has_nulls()).alias(f"_gap {name}") for name in combined),
        pl.col("_row_id").alias("_row_ids"),
    )
    issues = [_issues(grouped, f"_clash {name}", *item, "S16") for name, item in free.items()]
    issues += [_issues(grouped, f"_gap {name}", name, source, "S28") for name, source in combined.items()]
    records = grouped.drop(
        _ALONE, *(f"_clash {name}" for name in free), *(f"_gap {name}" for name in combined)
    )
    return records, pl.concat([no_issues, *issues])


def _bundles(columns: list[str], mapping: TableMapping) -> dict[str, list[str]]:
    """Mapped column -> the columns that must come from the same row: dates with bounds, axes of a size."""
    bundles = {}
    for name, column in mapping.columns.items():
        if name == "patient_id" or name not in columns or column.aggregate == "count":
            continue
        own = [f"{name}_{part}" for part in DATE_PARTS]
        if column.is_size:
            own = [
                size_field for size_field in (*SIZE_FIELDS, "size_text") if size_field not in mapping.columns
            ]
        bundles[name] = [name, *(column_name for column_name in own if column_name in columns)]
    return bundles


def _bundled(bundles: Mapping[str, list[str]]) -> set[str]:
    return {name for names in bundles.values() for name in names}


def _chosen(column: ColumnMapping, names: list[str]) -> list[pl.Expr]:
    main = pl.col(names[0])
    if column.aggregate == "sum":
        total = main.sum() if column.target.kind == "integer" else main.sum().round(9)
        return [pl.when(main.count() > 0).then(total).alias(names[0])]
    filled = [pl.col(name).filter(main.is_not_null()) for name in names]
    if column.aggregate in ("min", "max"):
        order = main.drop_nulls().arg_min() if column.aggregate == "min" else main.drop_nulls().arg_max()
        return [values.get(order, null_on_oob=True) for values in filled]
    return [values.last() if column.aggregate == "last" else values.first() for values in filled]


def _count(column: ColumnMapping) -> pl.Expr:
    name = column.target.name
    return pl.col(_COUNTED + name).sum().cast(pl.Int64).alias(name)


def _parts_of_identifiers(held: Sequence[str], mapping: TableMapping) -> dict[str, tuple[str, str]]:
    """Held source column -> the curated column whose template it fills, and its own name."""
    parts: dict[str, tuple[str, str]] = {}
    for column in mapping.columns.values():
        for part in column.placeholders:
            name = SOURCE_PREFIX + part.name
            if name in held and column.target.name != "patient_id":
                parts.setdefault(name, (column.target.name, part.name))
    return parts


def _issues(
    grouped: pl.DataFrame, flag: str, column_name: str, source_column: str | None, rule_id: str
) -> pl.DataFrame:
    return grouped.filter(flag).select(
        "_row_id",
        pl.lit(column_name).alias("column_name"),
        pl.lit(source_column, dtype=pl.String).alias("source_column"),
        pl.lit(rule_id).alias("rule_id"),
        pl.lit(_REASONS[rule_id]).alias("reason"),
        pl.lit(None, dtype=pl.String).alias("value_text"),
    )
