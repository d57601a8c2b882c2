"""Hiding small counts so that they cannot be worked out from the others.

Belongs here: which cells of a table of counts are hidden. Does not belong here: tables, files.

Primary suppression hides counts from 1 to the limit less one. Complementary suppression then hides more until
no hidden count follows from the shown ones and the margins: neither exactly (no hidden cell is determined
by the linear equations of the table), nor because a line hides so few patients that its hidden cells are
small by sum. Source: Willenborg and de Waal, Elements of Statistical Disclosure Control, 2001, ch. 2 and 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

Counts = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


def hidden_cells(counts: Counts, families: Sequence[Sequence[int]], limit: int) -> Mask:
    """Which cells of levels by columns are hidden.

    Args:
        counts: levels in rows; column 0 holds all patients, the others groups. The sum of each column is
            known to the reader.
        families: columns that split all patients between them: their sum is column 0 at every level.
        limit: smallest count that may be shown; 0 or 1 hides nothing.
    """
    hidden: Mask = (counts > 0) & (counts < limit)
    if not hidden.any():
        return hidden
    lines = list(_lines(counts.shape, families))
    while True:
        weak = [
            line
            for line, sign in lines
            if _is_weak(counts, hidden, line[:sign] if sign else line, line, limit)
        ]
        weak += [_line_of(cell, lines, hidden) for cell in _determined(hidden, lines)]
        more = next((cell for line in weak if (cell := _next_cell(counts, hidden, line)) is not None), None)
        if more is None:
            return hidden
        hidden[more] = True


def _lines(
    shape: tuple[int, ...], families: Sequence[Sequence[int]]
) -> Iterator[tuple[list[tuple[int, int]], int]]:
    """Cells whose signed sum the reader knows: columns over levels; groups over a family less all patients."""
    n_levels, n_columns = shape
    for column in range(n_columns):
        yield [(level, column) for level in range(n_levels)], 0
    for family in families:
        for level in range(n_levels):
            yield [*((level, column) for column in family), (level, 0)], -1


def _is_weak(
    counts: Counts, hidden: Mask, parts: list[tuple[int, int]], line: list[tuple[int, int]], limit: int
) -> bool:
    """A line that hides one cell, or so few patients that its cells are small by sum."""
    chosen = [cell for cell in line if hidden[cell]]
    return len(chosen) == 1 or 0 < sum(int(counts[cell]) for cell in parts if hidden[cell]) < limit


def _determined(hidden: Mask, lines: Sequence[tuple[list[tuple[int, int]], int]]) -> list[tuple[int, int]]:
    """Hidden cells that the equations determine."""
    cells = [(int(a), int(b)) for a, b in np.argwhere(hidden)]
    if not cells:
        return []
    place = {cell: position for position, cell in enumerate(cells)}
    matrix = np.zeros((len(lines), len(cells)))
    for row, (line, sign) in enumerate(lines):
        for position, cell in enumerate(line):
            if cell in place:
                matrix[row, place[cell]] = -1.0 if sign < 0 and position == len(line) - 1 else 1.0
    _, values, right = np.linalg.svd(matrix)
    free = right[int((values > 1e-9).sum()) :]
    return [cell for cell in cells if not len(free) or np.abs(free[:, place[cell]]).max() < 1e-9]


def _line_of(
    cell: tuple[int, int], lines: Sequence[tuple[list[tuple[int, int]], int]], hidden: Mask
) -> list[tuple[int, int]]:
    """A line of a cell that still has something to hide; its column first."""
    own = [line for line, _ in lines if cell in line]
    return next((line for line in own if any(not hidden[one] for one in line)), own[0])


def _next_cell(counts: Counts, hidden: Mask, line: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """The smallest shown count of a line that is not zero; a zero where there is no other."""
    shown = [cell for cell in line if not hidden[cell]]
    ranked = sorted(shown, key=lambda cell: (counts[cell] == 0, int(counts[cell]), cell))
    return ranked[0] if ranked else None
