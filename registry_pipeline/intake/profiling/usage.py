"""What a mapping makes of every column of a facility's files: mapped, ignored or unknown, and how much is read.

Belongs here: counting over staged values. Does not belong here: staging (``stage.py``), showing (the command).

The texts that could not be read are the facility's data: they go to the data manager who asked, and nowhere else.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from registry_pipeline.core.home import Home
from registry_pipeline.intake.columns.blanks import clean
from registry_pipeline.intake.columns.table import feeding_rows
from registry_pipeline.intake.mapping.model import Facility, Source
from registry_pipeline.intake.submissions.file_use import FileUse
from registry_pipeline.intake.submissions.rows_in_force import rows_in_force

MOST_TEXTS, LONGEST_TEXT = 10, 60
_CONDITION = "condition"
State = Literal["mapped", "ignored", "unknown", "missing"]


@dataclass(frozen=True)
class ColumnUse:
    """One column of a source.

    Attributes:
        state: ``missing`` is a column that the mapping reads and no file has.
        feeds: ``table.column`` of everything that it fills, ``condition`` where it tells or groups rows.
        n_rows, n_blank: rows in force; those without a value, sentinels among them.
        n_used: filled rows that feed a table. n_unread: of these, with a text that could not be read.
        unread: the most frequent such texts, cut short, with their number of rows.
    """

    source: str
    column: str
    state: State
    feeds: tuple[str, ...] = ()
    n_rows: int | None = None
    n_blank: int | None = None
    n_used: int | None = None
    n_unread: int | None = None
    unread: tuple[tuple[str, int], ...] = ()


def column_uses(
    home: Home, facility: Facility, uses: Sequence[FileUse], issues: pl.DataFrame
) -> list[ColumnUse]:
    """Every column of every source, in the order of the TOML and the files.

    Args:
        uses: the facility's files, as staging found them.
        issues: ``Staged.issues``.
    """
    return [use for source in facility.sources for use in _of_source(home, source, uses, issues)]


def _of_source(home: Home, source: Source, uses: Sequence[FileUse], issues: pl.DataFrame) -> list[ColumnUse]:
    own = [use for use in uses if use.source is not None and use.source.name == source.name]
    present = dict.fromkeys(name for use in own for sheet in use.sheets for name in sheet.columns)
    read = {" ".join(name.split()): name for name in source.source_columns()}
    rows = clean(rows_in_force(home, source, uses)[0], source.source_columns(), source.sentinels)
    column_uses_of_source = [
        _mapped(source, name, rows, issues) for plain, name in read.items() if plain in present
    ]
    others = [name for name in present if name not in read]
    column_uses_of_source += [
        ColumnUse(source.name, name, "ignored" if _is_ignored(source, name) else "unknown") for name in others
    ]
    if own:
        column_uses_of_source += [
            ColumnUse(source.name, name, "missing") for plain, name in read.items() if plain not in present
        ]
    return column_uses_of_source


def _is_ignored(source: Source, name: str) -> bool:
    return any(fnmatch.fnmatchcase(name, " ".join(glob.split())) for glob in source.ignore)


def _mapped(source: Source, name: str, rows: pl.DataFrame, issues: pl.DataFrame) -> ColumnUse:
    feeds: dict[str, None] = {}
    used = pl.Series("_row_id", [], dtype=pl.Int64)
    for table in source.tables:
        items = [item for item, column in table.columns.items() if name in table.columns_behind(column)]
        if items:
            feeds |= dict.fromkeys(f"{table.table}.{item}" for item in items)
            fed = feeding_rows(rows, table).filter(pl.col(name).is_not_null())["_row_id"]
            used = pl.concat([used, fed]).unique()
        if name in (*(condition.column for condition in table.where), *table.group_by):
            feeds |= {_CONDITION: None}
    own = issues.filter(pl.col("source_column") == name, pl.col("_row_id").is_in(used.implode()))
    texts = own.select("_row_id", "value_text").unique()
    counted = (
        texts.drop_nulls().group_by("value_text").len().sort("len", "value_text", descending=[True, False])
    )
    return ColumnUse(
        source=source.name,
        column=name,
        state="mapped",
        feeds=tuple(feeds),
        n_rows=rows.height,
        n_blank=rows[name].null_count(),
        n_used=len(used) if set(feeds) != {_CONDITION} else None,
        n_unread=texts["_row_id"].n_unique() if set(feeds) != {_CONDITION} else None,
        unread=tuple((_short(text), n) for text, n in counted.head(MOST_TEXTS).iter_rows()),
    )


def _short(text: str) -> str:
    """A text for a terminal: one line, no control characters, not long."""
    plain = "".join(mark if mark.isprintable() else "·" for mark in text[: LONGEST_TEXT + 1])
    return plain if len(plain) <= LONGEST_TEXT else plain[:LONGEST_TEXT] + "…"
