"""Which rows are the header and what the columns are called.

Belongs here: finding the header among title rows, joining several header rows, unique names.
Does not belong here: mapping a name to a table's column (the facility's mapping does that).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from registry_pipeline.intake.readers.model import SOURCE_ROW, ReadError, ReadOptions

PREVIEW_ROWS = 200
_TITLE_WINDOW = 20
_REPEATED, _NAMELESS = "duplicated column name", "a column has no name"
COLUMN_NOTES = (_REPEATED, _NAMELESS)
"""How notes begin that tell of the names of columns."""
GridRow = tuple[int, int, Sequence[str | None]]
"""First physical row, number of physical rows, cells."""


@dataclass(frozen=True)
class Header:
    """Names as received and as used; ``first_data_row`` is the physical row below header and alias rows."""

    received: tuple[str, ...]
    names: tuple[str, ...]
    first_data_row: int
    notes: tuple[str, ...]


def find_header(rows: Sequence[GridRow], options: ReadOptions) -> Header:
    """Build the header from the first rows of a table.

    ``rows`` are those of the top of the file: down to one that settles it (:func:`settles_header`), or at least
    ``PREVIEW_ROWS`` where there are as many.

    Raises:
        ReadError: no_such_header_row when a declared header row is blank or not there.
    """
    numbers = options.header_rows or _guess_header(rows, options)
    chosen = [row for row in rows if row[0] in numbers]
    if len(chosen) != len(numbers):
        raise ReadError("no_such_header_row", "a declared header row is not in the file; check header_rows")
    width = max((len(row[2]) for row in chosen), default=0)
    parts = [[(cell or "") for cell in row[2]] + [""] * (width - len(row[2])) for row in chosen]
    received = _combine(parts, options)
    names, notes = unique_names(received)
    last = chosen[-1]
    title = [] if options.header_rows else _title_note(rows, numbers, options)
    return Header(received, names, last[0] + last[1] + options.skip_after_header, tuple(title + notes))


def settles_header(row: GridRow, options: ReadOptions) -> bool:
    """Whether no row below this one of the top of a table can be, or be a part of, the header."""
    if options.header_rows:
        return row[0] >= max(options.header_rows)
    return row[0] not in options.skip_rows and _n_filled(row) > 1


def _n_filled(row: GridRow) -> int:
    return sum(1 for cell in row[2] if cell and cell.strip())


def _guess_header(rows: Sequence[GridRow], options: ReadOptions) -> tuple[int, ...]:
    """The first row with several filled cells; a title above it has one cell."""
    filled = (row for row in rows if row[0] not in options.skip_rows and _n_filled(row))
    candidates = list(islice(filled, _TITLE_WINDOW))
    if not candidates:
        raise ReadError("empty", "the table holds no filled row; ask the facility to export it again")
    several = (row[0] for row in candidates if _n_filled(row) > 1)
    return (next(several, candidates[0][0]),)


def _title_note(rows: Sequence[GridRow], numbers: Sequence[int], options: ReadOptions) -> list[str]:
    above = [r[0] for r in rows if r[0] < numbers[0] and _n_filled(r) and r[0] not in options.skip_rows]
    return [f"title row above the header left out: row {row}" for row in above]


def _combine(parts: list[list[str]], options: ReadOptions) -> tuple[str, ...]:
    if len(parts) == 1:
        return tuple(parts[0])
    if options.header_join == "first":
        return tuple(next((p for p in column if p.strip()), "") for column in zip(*parts, strict=True))
    filled = _fill_forward(parts)
    return tuple(" ".join(_distinct(column)) for column in zip(*filled, strict=True))


def _distinct(column: Sequence[str]) -> list[str]:
    """The filled parts, once each: a cell merged downwards says its name only once."""
    return list(dict.fromkeys(part.strip() for part in column if part.strip()))


def _fill_forward(parts: list[list[str]]) -> list[list[str]]:
    """A heading over several columns is written above the first of them only."""
    filled = [row[:] for row in parts]
    for level, row in enumerate(filled[:-1]):
        below = [any(part[i].strip() for part in parts[level + 1 :]) for i in range(len(row))]
        for i in range(1, len(row)):
            if not row[i].strip() and below[i] and below[i - 1]:
                row[i] = row[i - 1]
    return filled


def unique_names(received: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Names with blanks collapsed, unnamed ones called ``column_<n>``, repeats suffixed ``__2``, ``__3``."""
    notes: list[str] = []
    plain = [" ".join(name.split()) or f"column_{i}" for i, name in enumerate(received, start=1)]
    taken, seen, names = {SOURCE_ROW, *plain}, Counter([SOURCE_ROW]), []
    for position, name in enumerate(plain, start=1):
        seen[name] += 1
        if seen[name] > 1:
            name = _free_name(name, seen, taken)
            notes.append(f"{_REPEATED}, column {position} renamed with a suffix")
        if not received[position - 1].strip():
            notes.append(f"{_NAMELESS}: column {position}")
        taken.add(name)
        names.append(name)
    return tuple(names), notes


def _free_name(name: str, seen: Counter[str], taken: set[str]) -> str:
    while f"{name}__{seen[name]}" in taken:
        seen[name] += 1
    return f"{name}__{seen[name]}"
