"""Values in cells that no ``[[source.table]]`` reads, although the column is read in rows of another kind.

Belongs here: finding such cells and what to say of them. Does not belong here: rows that no table takes at all
(``unrouted_rows.py``), columns that no table of their sheet maps (``headers.py``).

Where conditions part the rows of a sheet into several tables, a value in the wrong kind of row (a grade of toxicity in
the row of a visit) would vanish without a word. Columns of two sheets that share a name are two columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from registry_pipeline.intake.columns.table import feeding_rows
from registry_pipeline.intake.mapping.model import Source
from registry_pipeline.intake.redcap.export import LABEL
from registry_pipeline.intake.submissions.file_use import FileUse
from registry_pipeline.intake.submissions.rows_in_force import place_rows

RULE = "S27"
_SHEET = ("submission_id", "source_file", "sheet")


def unread_issues(
    rows: pl.DataFrame, source: Source, uses: Sequence[FileUse], fed: Sequence[pl.Series]
) -> list[dict[str, Any]]:
    """One issue per sheet and column, as rows of ``FILE_ISSUE_SCHEMA``.

    Args:
        rows: cleaned rows in force of the source.
        fed: of each table of the source the ``_row_id`` that it takes.
    """
    if source.redcap is not None or len(source.tables) < 2 or not any(table.where for table in source.tables):
        return []
    taken = rows.filter(pl.col("_row_id").is_in(pl.concat(fed).unique().implode()))
    return [issue for column in _columns(source) for issue in _of_column(taken, column, source, fed, uses)]


def _columns(source: Source) -> list[str]:
    """Columns that some tables read and others do not, but for those that decide which table takes a row."""
    deciding = {condition.column for table in source.tables for condition in table.where}
    names = dict.fromkeys(name for table in source.tables for name in table.columns_read())
    return [name for name in names if name not in deciding]


def _of_column(
    taken: pl.DataFrame, column: str, source: Source, fed: Sequence[pl.Series], uses: Sequence[FileUse]
) -> Iterator[dict[str, Any]]:
    if column not in taken.columns:
        return
    read = [ids for table, ids in zip(source.tables, fed, strict=True) if column in table.columns_read()]
    is_read = pl.col("_row_id").is_in(pl.concat(read).unique().implode())
    is_readable = pl.col("_row_id").is_in(_rows_of_its_sheets(taken, column, source).implode())
    stray = taken.filter(pl.col(column).is_not_null() & is_readable & ~is_read).select("_row_id")
    if stray.is_empty():
        return
    placed = place_rows(stray, uses)
    sheets = placed.group_by(*_SHEET, maintain_order=True).agg(
        pl.col("source_row").min(), pl.len().alias("n")
    )
    for row in sheets.iter_rows(named=True):
        n = row.pop("n")
        yield {
            **row,
            "rule_id": RULE,
            "severity": None,
            "source_name": source.name,
            "column_name": column.removesuffix(LABEL),
            "reason": "1 cell" if n == 1 else f"{n} cells",
            "suggestion": "read the column in the table that takes these rows, or clear the cells at the source",
            "record_key": f"{source.name} {column} unread",
        }


def _rows_of_its_sheets(rows: pl.DataFrame, column: str, source: Source) -> pl.Series:
    """Rows, of whatever kind, of the sheets that feed a table which reads the column."""
    reading = [replace(table, where=()) for table in source.tables if column in table.columns_read()]
    return pl.concat([feeding_rows(rows, table)["_row_id"] for table in reading]).unique()
