"""Values of a column that decides which ``[[source.table]]`` takes a row, and that no table is meant for.

Belongs here: finding such values and what to say of them. Does not belong here: the fate of rows (the validation counts it).

A value of a routing column is judged like one of a coded column (S05), also where other tables take the row: the record
that it was to make is missing. Rows that the mapping leaves out on purpose (``leave_out``, ``not_in``, ``blank = true``)
are none, a column that a table which takes the row reads is judged there, and a blank routing cell routes nowhere
without a word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from registry_pipeline.intake.columns.blanks import folded
from registry_pipeline.intake.columns.table import feeding_rows, holds
from registry_pipeline.intake.mapping.model import Condition, Source
from registry_pipeline.intake.submissions.file_use import FileUse
from registry_pipeline.intake.submissions.rows_in_force import place_rows

_MOST_VALUES = 50
"""Of more values of one sheet the rest is told in one finding: the mapping names the wrong column."""
_STRAY = {"_row_id": pl.Int64, "column_name": pl.String, "value_text": pl.String}
_DECLINING = ("not_in", "blank")
_YES = {"1", "yes", "y", "true", "x", "checked", "ja", "oui", "si", "sí", "是", "有"}
_NO = {"0", "no", "n", "false", "unchecked", "nein", "non", "否", "无"}
"""Where a table takes the rows that answer a question with yes, those that answer with no ask for no record."""
_PLACE = ("submission_id", "source_file", "sheet", "column_name")


def unrouted_issues(
    rows: pl.DataFrame, source: Source, uses: Sequence[FileUse], fed: Sequence[pl.Series]
) -> list[dict[str, Any]]:
    """One issue per sheet, routing column and value, as rows of ``FILE_ISSUE_SCHEMA``.

    Args:
        rows: cleaned rows in force of the source.
        fed: of each table of the source the ``_row_id`` that it takes.
    """
    if not any(condition.test == "in" for table in source.tables for condition in table.where):
        return []  # no value chooses the table of a row
    is_taken = pl.col("_row_id").is_in(pl.concat([rows["_row_id"].clear(), *fed]).unique().implode())
    unrouted = _stray_values(_stray_rows(rows.filter(~is_taken), source), source)
    unrouted = unrouted.with_columns(_severity=pl.lit(None, pl.String))
    parts = _stray_parts(rows.filter(is_taken), source, fed).with_columns(_severity=pl.lit("warning"))
    stray = pl.concat([unrouted, parts]).unique(["_row_id", "column_name"], keep="first", maintain_order=True)
    if stray.is_empty():
        return []
    counted = (
        place_rows(stray, uses)
        .group_by(*_PLACE, "_severity", folded(pl.col("value_text")).alias("_folded"), maintain_order=True)
        .agg(pl.col("value_text", "source_row").first(), pl.len().alias("n"))
    )
    return [
        issue
        for _, sheet in counted.group_by([*_PLACE, "_severity"], maintain_order=True)
        for issue in _issues(sheet, source)
    ]


def _stray_rows(untaken: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Of the rows that no table takes those that are not left out on purpose."""
    declined = [part for table in source.tables for part in table.where if part.test in _DECLINING]
    meant = [holds(condition) for condition in source.leave_out] + [
        ~holds(condition) for condition in declined
    ]
    return untaken.filter(~pl.any_horizontal(meant)) if meant else untaken


def _stray_parts(taken: pl.DataFrame, source: Source, fed: Sequence[pl.Series]) -> pl.DataFrame:
    """Values that choose among the tables of a row which another table takes, and that none is meant for.

    Args:
        taken: rows that a table takes.
        fed: of each table of the source the ``_row_id`` that it takes.
    """
    parts = [pl.DataFrame(schema=_STRAY)]
    left_out = [holds(condition) for condition in source.leave_out]
    rows = taken.filter(~pl.any_horizontal(left_out)) if left_out else taken
    columns = dict.fromkeys(
        condition.column for table in source.tables for condition in table.where if condition.test == "in"
    )
    parts += [_stray_part(rows, column, source, fed) for column in columns if column in rows.columns]
    return pl.concat(parts)


def _stray_part(rows: pl.DataFrame, column: str, source: Source, fed: Sequence[pl.Series]) -> pl.DataFrame:
    choosing = [table for table in source.tables if any(part.column == column for part in table.where)]
    conditions = [condition for table in choosing for condition in table.where if condition.column == column]
    named = [*conditions, *(condition for condition in source.leave_out if condition.column == column)]
    is_meant = [holds(condition) if condition.test != "not_in" else pl.lit(True) for condition in named]
    of_sheets = pl.concat([feeding_rows(rows, replace(table, where=()))["_row_id"] for table in choosing])
    read = [ids for table, ids in zip(source.tables, fed, strict=True) if column in table.columns_read()]
    is_question = all(value.casefold() in _YES for condition in named for value in condition.values)
    is_answered = folded(pl.col(column)).is_in(_NO) & is_question
    stray = rows.filter(
        pl.col(column).is_not_null()
        & ~is_answered
        & ~pl.any_horizontal(is_meant)
        & pl.col("_row_id").is_in(of_sheets.unique().implode())
        & ~pl.col("_row_id").is_in(pl.concat([rows["_row_id"].clear(), *read]).implode())
    )
    return stray.select("_row_id", pl.lit(column).alias("column_name"), pl.col(column).alias("value_text"))


def _stray_values(stray: pl.DataFrame, source: Source) -> pl.DataFrame:
    """``_row_id, column_name, value_text``, by the conditions of the tables that the sheet of a row feeds."""
    sheets = stray.partition_by("_sheet", as_dict=True) if "_sheet" in stray.columns else {(None,): stray}
    parts = [pl.DataFrame(schema=_STRAY)]
    for (sheet,), rows in sheets.items():
        tested = [
            condition
            for table in source.tables_of(sheet)
            for condition in table.where
            if condition.test == "in"
        ]
        if tested:
            blamed = rows.with_columns(_blamed(tested)).drop_nulls("column_name")
            parts.append(blamed.select("_row_id", "column_name", _value(tested)))
    return pl.concat(parts)


def _blamed(tested: Sequence[Condition]) -> pl.Expr:
    """The first column with a value that no table takes; else the first one that holds any."""
    taken: dict[str, tuple[str, ...]] = {}
    for condition in tested:
        taken[condition.column] = (*taken.get(condition.column, ()), *condition.values)
    strange = [
        pl.when(pl.col(name).is_not_null() & ~holds(Condition(name, "in", values))).then(pl.lit(name))
        for name, values in taken.items()
    ]
    filled = [pl.when(pl.col(name).is_not_null()).then(pl.lit(name)) for name in taken]
    return pl.coalesce(*strange, *filled).alias("column_name")


def _value(tested: Sequence[Condition]) -> pl.Expr:
    names = dict.fromkeys(condition.column for condition in tested)
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
    return "no table takes it in 1 row" if n == 1 else f"no table takes it in {n} rows"


def _issue(place: dict[str, Any], source: Source, record_key: str, reason: str) -> dict[str, Any]:
    return {
        **{name: place[name] for name in (*_PLACE, "source_row", "value_text")},
        "rule_id": "S05",
        "severity": place["_severity"],
        "source_name": source.name,
        "reason": reason,
        "suggestion": "add the value to where of the table that it means, or to leave_out of the source",
        "record_key": record_key,
    }
