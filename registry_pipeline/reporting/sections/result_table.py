"""A result table as a folded table of a page, columns by their declared meaning.

Belongs here: from the rows of a result table to a block. Does not belong here: which tables a page shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry_pipeline.reporting.document.blocks import Column, Folded, Row, Table, Text
from registry_pipeline.reporting.document.wording import clean, count, is_given, number, p_value, remark
from registry_pipeline.reporting.sections.context import Context

Cell = Callable[[Mapping[str, Any]], str]
MOST_ROWS = 60


@dataclass(frozen=True)
class Shown:
    """How a result table is shown.

    Attributes:
        table: its name, with layer.
        title: what it answers.
        meaning: what it means, and what it does not.
        head: the row's head, of a row of the table.
        columns: label -> the cell, of a row of the table.
        across: the heading of a column, of a row of the table, which then has one cell.
    """

    table: str
    title: str
    meaning: str
    head: Cell
    columns: Mapping[str, Cell]
    across: Cell | None = None


def folded_table(context: Context, shown: Shown, where: dict[str, Any] | None = None) -> Folded | None:
    """The table behind a fold; None where the release does not have it.

    Where ``across`` is given, rows of one head become one line, with a column for each value that it gives.
    """
    if not context.tables.has(shown.table):
        return None
    rows = context.tables.table(shown.table, where)
    if rows.empty:
        return Folded(shown.title, (Text(context.why_empty(shown.table), kind="missing"),))
    estimates = rows[rows["status"] == "ok"]
    if estimates.empty:
        reasons = dict.fromkeys(remark(note) for note in rows["note"] if is_given(note))
        return Folded(shown.title, (Text(" ".join(reasons) or "Not estimable.", kind="missing"),))
    lines = (estimates if shown.across else estimates.head(MOST_ROWS)).to_dict("records")
    heads, body = _across(shown, lines) if shown.across else _down(shown, lines)
    notes = [f"The first {count(len(lines))} of {count(len(estimates))} rows; all are in the release."]
    notes = notes if len(lines) < len(estimates) else []
    left_out = rows[rows["status"] != "ok"]
    if len(left_out):
        reasons = dict.fromkeys(remark(note) for note in left_out["note"] if is_given(note))
        notes.append(
            f"{count(len(left_out))} rows without an estimate are left out. {' '.join(reasons)}".strip()
        )
    table = Table(
        shown.title,
        "",
        tuple(map(Column, heads)),
        body,
        shown.table,
        tuple(notes),
        is_wide=True,
    )
    return Folded(shown.title, (Text(shown.meaning), table))


def _down(shown: Shown, lines: Sequence[Mapping[str, Any]]) -> tuple[list[str], tuple[Row, ...]]:
    """Headings, and a line for each row."""
    cells = shown.columns.values()
    return list(shown.columns), tuple(
        Row(shown.head(row), tuple(cell(row) for cell in cells)) for row in lines
    )


def _across(shown: Shown, lines: Sequence[Mapping[str, Any]]) -> tuple[list[str], tuple[Row, ...]]:
    """Headings by what stands across, and a line for each head."""
    assert shown.across is not None
    (cell,) = shown.columns.values()
    by_head: dict[str, dict[str, str]] = {}
    for row in lines:
        by_head.setdefault(shown.head(row), {})[shown.across(row)] = cell(row)
    heads = list(dict.fromkeys(label for cells in by_head.values() for label in cells))
    body = (Row(head, tuple(cells.get(label, "–") for label in heads)) for head, cells in by_head.items())
    return heads, tuple(body)


def value(name: str, digits: int = 1, scale: float = 1.0) -> Cell:
    """The cell of a number."""
    return lambda row: (
        number(row[name] if scale == 1.0 else scale * row[name], digits) if is_given(row[name]) else "–"
    )


def with_interval(
    name: str, digits: int = 1, scale: float = 1.0, ends: Sequence[str] = ("ci_lower", "ci_upper")
) -> Cell:
    """The cell of a number with its interval."""

    def cell(row: Mapping[str, Any]) -> str:
        shown = value(name, digits, scale)(row)
        has_limits = all(is_given(row[end]) for end in ends)
        limits = " to ".join(value(end, digits, scale)(row) for end in ends)
        return f"{shown} ({limits})" if has_limits else shown

    return cell


def probability(name: str) -> Cell:
    """The cell of a p value."""
    return lambda row: p_value(row[name]) if is_given(row[name]) else "–"


def text(name: str) -> Cell:
    """The cell of a text."""
    return lambda row: clean(row[name]) if is_given(row[name]) else ""
