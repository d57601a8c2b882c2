"""Rows that no ``[[source.table]]`` takes although the column that decides it holds a value.

Belongs here: finding such rows and what to say of them. Does not belong here: the fate of rows (the validation counts it).

A value of a routing column is judged like one of a coded column (S05). Rows that the mapping leaves out on purpose
(``leave_out``, ``not_in``, ``blank = true``) are none, and a blank routing cell routes nowhere without a word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from registry_pipeline.intake.columns.table import feeding_rows, holds
from registry_pipeline.intake.columns.values import folded
from registry_pipeline.intake.mapping.model import Condition, Source
from registry_pipeline.intake.submissions.file_use import FileUse
from registry_pipeline.intake.submissions.rows_in_force import place_rows

_MOST_VALUES = 50
"""Of more values of one sheet the rest is told in one finding: the mapping names the wrong column."""
_PLACE = ("submission_id", "source_file", "sheet", "column_name")


def unrouted_issues(rows: pl.DataFrame, source: Source, uses: Sequence[FileUse]) -> list[dict[str, Any]]:
    """One issue per sheet, routing column and value, as rows of ``FILE_ISSUE_SCHEMA``.

    Args:
        rows: cleaned rows in force of the source.
    """
    stray = _stray_values(_stray_rows(rows, source), source) if source.tables else pl.DataFrame()
    if stray.is_empty():
        return []
    counted = (
        place_rows(stray, uses)
        .group_by(*_PLACE, folded(pl.col("value_text")).alias("_folded"), maintain_order=True)
        .agg(pl.col("value_text", "source_row").first(), pl.len().alias("n"))
    )
    return [
        issue
        for _, sheet in counted.group_by(_PLACE, maintain_order=True)
        for issue in _issues(sheet, source)
    ]


def _stray_rows(rows: pl.DataFrame, source: Source) -> pl.DataFrame:
    fed = pl.concat([feeding_rows(rows, table)["_row_id"] for table in source.tables])
    stray = rows.filter(~pl.col("_row_id").is_in(fed.implode()))
    declined = [one for table in source.tables for one in table.where if one.test in ("not_in", "blank")]
    meant = [holds(one) for one in source.leave_out] + [~holds(one) for one in declined]
    return stray.filter(~pl.any_horizontal(meant)) if meant else stray


def _stray_values(stray: pl.DataFrame, source: Source) -> pl.DataFrame:
    """``_row_id, column_name, value_text``, by the conditions of the tables that the sheet of a row feeds."""
    sheets = stray.partition_by("_sheet", as_dict=True) if "_sheet" in stray.columns else {(None,): stray}
    parts = [pl.DataFrame(schema={"_row_id": pl.Int64, "column_name": pl.String, "value_text": pl.String})]
    for (sheet,), rows in sheets.items():
        tested = [one for table in source.tables_of(sheet) for one in table.where if one.test == "in"]
        if tested:
            blamed = rows.with_columns(_blamed(tested)).drop_nulls("column_name")
            parts.append(blamed.select("_row_id", "column_name", _value(tested)))
    return pl.concat(parts)


def _blamed(tested: Sequence[Condition]) -> pl.Expr:
    """The first column with a value that no table takes; else the first one that holds any."""
    taken: dict[str, tuple[str, ...]] = {}
    for one in tested:
        taken[one.column] = (*taken.get(one.column, ()), *one.values)
    strange = [
        pl.when(pl.col(name).is_not_null() & ~holds(Condition(name, "in", values))).then(pl.lit(name))
        for name, values in taken.items()
    ]
    filled = [pl.when(pl.col(name).is_not_null()).then(pl.lit(name)) for name in taken]
    return pl.coalesce(*strange, *filled).alias("column_name")


def _value(tested: Sequence[Condition]) -> pl.Expr:
    names = dict.fromkeys(one.column for one in tested)
    return pl.coalesce(*(pl.when(pl.col("column_name") == name).then(pl.col(name)) for name in names)).alias(
        "value_text"
    )


def _issues(values: pl.DataFrame, source: Source) -> Iterator[dict[str, Any]]:
    for row in values.head(_MOST_VALUES).iter_rows(named=True):
        # the value itself may name a person where the mapping names the wrong column: the key shows its hash only
        digest = hashlib.blake2b(str(row.pop("_folded")).encode(), digest_size=4).hexdigest()
        yield _issue(row, source, f"{source.name} {digest}", _rows(row.pop("n")))
    rest = values.slice(_MOST_VALUES)
    if rest.height:
        first = rest.drop("_folded", "n").row(0, named=True)
        reason = f"{_rows(int(rest['n'].sum()))}, with {rest.height} other values"
        yield _issue(first | {"value_text": None}, source, f"{source.name} other values", reason)


def _rows(n: int) -> str:
    return "1 row feeds no table" if n == 1 else f"{n} rows feed no table"


def _issue(place: dict[str, Any], source: Source, record_key: str, reason: str) -> dict[str, Any]:
    return {
        **place,
        "rule_id": "S05",
        "severity": None,
        "source_name": source.name,
        "reason": reason,
        "suggestion": "add the value to where of the table that it means, or to leave_out of the source",
        "record_key": record_key,
    }
