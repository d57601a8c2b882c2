"""Hiding small counts so that they cannot be worked out from the others.

Belongs here: which of some counts with known sums are hidden. Does not belong here: what the counts are counts of.

Primary suppression hides counts from 1 to the limit less one. Complementary suppression then hides more until
no hidden count follows from the shown ones and the margins: neither exactly (no hidden cell is determined
by the linear equations of the table), nor because a line hides so few patients that its hidden cells are
small by sum. Source: Willenborg and de Waal, Elements of Statistical Disclosure Control, 2001, ch. 2 and 4.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np

from registry_pipeline.reporting.release.disclosure.equations import PRIME, random_solution

Counts = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]
FRUGAL_ROUNDS = 4
"""Times that one line of a fixed cell hides one more; then all of its lines do."""


@dataclass(frozen=True)
class Line:
    """Cells whose sum the reader knows: it is the cell `whole`, or stands elsewhere where that is None."""

    parts: tuple[int, ...]
    whole: int | None = None

    @cached_property
    def cells(self) -> tuple[int, ...]:
        """All cells of the equation."""
        return self.parts if self.whole is None else (*self.parts, self.whole)


def hidden_counts(
    counts: Sequence[int] | Counts, lines: Sequence[Line], limit: int, first: Collection[int] = ()
) -> Mask:
    """Which of some counts are hidden.

    Args:
        counts: the cells.
        lines: sums over them that the reader knows.
        limit: smallest count that may be shown; 0 or 1 hides nothing.
        first: cells that are given up before others where one more has to be hidden.
    """
    values = [
        int(n) for n in counts
    ]  # each is looked at very often: a list gives one in a third of an array's time
    hidden = [0 < n < limit for n in values]
    if not any(hidden):
        return np.array(hidden, dtype=bool)
    lines_of = _lines_by_cell(lines)
    for n_solved in count():
        weak = (line.cells for line in lines if _is_weak(values, hidden, line, limit))
        while _hide_more(values, hidden, weak, first):
            weak = (line.cells for line in lines if _is_weak(values, hidden, line, limit))
        fixed = _determined(hidden, lines)
        if n_solved < FRUGAL_ROUNDS:
            around = (_line_of(lines_of[cell], hidden) for cell in fixed)
        else:
            around = (line for cell in fixed for line in lines_of[cell])
        if not _hide_more(values, hidden, around, first):
            break
    return np.array(hidden, dtype=bool)


def _hide_more(
    counts: Sequence[int], hidden: list[bool], lines: Iterable[tuple[int, ...]], first: Collection[int]
) -> bool:
    """Hide one more cell of each line that has another to hide; gives whether there was one."""
    is_changed = False
    for cells in lines:
        cell = _next_cell(counts, hidden, cells, first)
        if cell is not None:
            hidden[cell] = is_changed = True
    return is_changed


def hidden_cells(
    counts: Counts, families: Sequence[Sequence[int]], limit: int, subtotals: Sequence[Sequence[int]] = ()
) -> Mask:
    """Which cells of levels by columns are hidden.

    Args:
        counts: levels in rows; column 0 holds all patients, the others groups. The sum of each column is
            known to the reader.
        families: columns that split all patients between them: their sum is column 0 at every level.
        limit: smallest count that may be shown; 0 or 1 hides nothing.
        subtotals: levels whose sum over all patients stands elsewhere.
    """
    levels, columns = counts.shape
    place = np.arange(levels * columns).reshape(levels, columns)
    lines = [Line(tuple(place[:, column].tolist())) for column in range(columns)]
    lines += [
        Line(tuple(place[level, list(family)].tolist()), int(place[level, 0]))
        for family in families
        for level in range(levels)
    ]
    lines += [Line(tuple(place[list(subtotal), 0].tolist())) for subtotal in subtotals]
    return hidden_counts(counts.ravel(), lines, limit).reshape(counts.shape)


def _is_weak(counts: Sequence[int], hidden: Sequence[bool], line: Line, limit: int) -> bool:
    """A line that hides one cell, or, of a sum that is shown, cells that are small, or fixed, by their sum."""
    chosen = [cell for cell in line.cells if hidden[cell]]
    if len(chosen) < 2:
        return len(chosen) == 1
    if line.whole is not None and hidden[line.whole]:
        return False
    total = sum(counts[cell] for cell in chosen)
    are_small = all(0 < counts[cell] < limit for cell in chosen)
    return 0 < total < limit or (are_small and total in (len(chosen), len(chosen) * (limit - 1)))


def _determined(hidden: Sequence[bool], lines: Sequence[Line]) -> list[int]:
    """Hidden cells that the equations determine: those that no solution of the homogeneous ones moves."""
    equations = [
        {cell: PRIME - 1 if cell == line.whole else 1 for cell in line.cells if hidden[cell]}
        for line in lines
    ]
    solution = random_solution(equations, [cell for cell, is_hidden in enumerate(hidden) if is_hidden])
    return sorted(cell for cell, value in solution.items() if value == 0)


def _lines_by_cell(lines: Sequence[Line]) -> dict[int, list[tuple[int, ...]]]:
    result: dict[int, list[tuple[int, ...]]] = defaultdict(list)
    for line in lines:
        for cell in dict.fromkeys(line.cells):
            result[cell].append(line.cells)
    return result


def _line_of(own: Sequence[tuple[int, ...]], hidden: Sequence[bool]) -> tuple[int, ...]:
    """A line of a cell that still has something to hide; the first there is."""
    return next((line for line in own if any(not hidden[cell] for cell in line)), own[0])


def _next_cell(
    counts: Sequence[int], hidden: Sequence[bool], cells: Sequence[int], first: Collection[int]
) -> int | None:
    """The smallest shown count of a line that is not zero; a zero where there is no other."""
    shown = [cell for cell in cells if not hidden[cell]]
    ranked = sorted(shown, key=lambda cell: (cell not in first, counts[cell] == 0, counts[cell], cell))
    return ranked[0] if ranked else None
