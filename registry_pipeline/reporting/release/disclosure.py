"""Hiding small counts so that they cannot be worked out from the others.

Belongs here: which counts of a table are hidden, and curves on so few steps that none shows single patients.
Does not belong here: tables, files, how a hidden count is written (Context).

Primary suppression hides counts from 1 to the limit less one. Complementary suppression then hides more until
no hidden count follows from the shown ones and the margins: neither exactly (no hidden cell is determined
by the linear equations of the table), nor because a line hides so few patients that its hidden cells are
small by sum. Source: Willenborg and de Waal, Elements of Statistical Disclosure Control, 2001, ch. 2 and 4.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

Counts = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Line:
    """Cells whose sum the reader knows: it is the cell `whole`, or stands elsewhere where that is None."""

    parts: tuple[int, ...]
    whole: int | None = None

    @property
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
    values: Counts = np.asarray(counts, dtype=np.int64)
    hidden: Mask = (values > 0) & (values < limit)
    if not hidden.any():
        return hidden
    while True:
        weak = [line.cells for line in lines if _is_weak(values, hidden, line, limit)]
        weak += [_line_of(cell, lines, hidden) for cell in _determined(hidden, lines)]
        more = next(
            (cell for cells in weak if (cell := _next_cell(values, hidden, cells, first)) is not None), None
        )
        if more is None:
            return hidden
        hidden[more] = True


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


def hidden_groups(parts: Sequence[int], whole: int, limit: int) -> list[bool]:
    """Which counts of groups are hidden, where the reader knows the count of all patients.

    Patients in no group form one more, which is never shown but must not follow either.
    """
    cells = [*parts, max(whole - sum(parts), 0)]
    hidden = hidden_counts(cells, [Line(tuple(range(len(cells))))], limit)
    return [bool(is_hidden) for is_hidden in hidden[:-1]]


def hidden_shares(parts: Sequence[tuple[int, int]], whole: tuple[int, int], limit: int) -> list[bool]:
    """Which k of "k of n" in groups are hidden, where every n, and the k and n of all patients, are known.

    A k is hidden too where n - k is small, because the two give it away.
    """
    pairs = [*parts, (whole[0] - sum(k for k, _ in parts), whole[1] - sum(n for _, n in parts))]
    pairs = (
        pairs if min(*pairs[-1], pairs[-1][1] - pairs[-1][0]) >= 0 else list(parts)
    )  # groups overlap: no sums
    m = len(pairs)
    lines = [Line((i, m + i)) for i in range(m)]
    lines += [Line(tuple(range(m))), Line(tuple(range(m, 2 * m)))] if m > len(parts) else []
    cells = [k for k, _ in pairs] + [n - k for k, n in pairs]
    return [bool(hidden_count) for hidden_count in hidden_counts(cells, lines, limit)[: len(parts)]]


def _is_weak(counts: Counts, hidden: Mask, line: Line, limit: int) -> bool:
    """A line that hides one cell, or, of a sum that is shown, so few patients that its cells are small by sum."""
    chosen = [cell for cell in line.cells if hidden[cell]]
    is_known = line.whole is None or not hidden[line.whole]
    return len(chosen) == 1 or (is_known and 0 < sum(int(counts[cell]) for cell in chosen) < limit)


def _determined(hidden: Mask, lines: Sequence[Line]) -> list[int]:
    """Hidden cells that the equations determine."""
    cells = [int(position) for position in np.flatnonzero(hidden)]
    place = {cell: position for position, cell in enumerate(cells)}
    matrix = np.zeros((max(len(lines), 1), len(cells)))
    for row, line in enumerate(lines):
        for cell in line.parts:
            if cell in place:
                matrix[row, place[cell]] = 1.0
        if line.whole in place:
            matrix[row, place[line.whole]] = -1.0
    _, values, right = np.linalg.svd(matrix)
    free = right[int((values > 1e-9).sum()) :]
    return [cell for cell in cells if not len(free) or np.abs(free[:, place[cell]]).max() < 1e-9]


def _line_of(cell: int, lines: Sequence[Line], hidden: Mask) -> tuple[int, ...]:
    """A line of a cell that still has something to hide; the first there is."""
    own = [line.cells for line in lines if cell in line.cells]
    return next((line for line in own if any(not hidden[member] for member in line)), own[0])


def _next_cell(counts: Counts, hidden: Mask, cells: Sequence[int], first: Collection[int]) -> int | None:
    """The smallest shown count of a line that is not zero; a zero where there is no other."""
    shown = [cell for cell in cells if not hidden[cell]]
    ranked = sorted(shown, key=lambda cell: (cell not in first, counts[cell] == 0, int(counts[cell]), cell))
    return ranked[0] if ranked else None


def rounded_curve(
    rows: pd.DataFrame, level: str, start: float, limit: int, days_per_month: float
) -> pd.DataFrame:
    """The curve of one group as it may be shown: whole months, and a step only after `limit` further events.

    Args:
        rows: the curve by time: duration_days, n_at_risk, n_event, ci_lower, ci_upper and its level.
        level: column of the level.
        start: level at time 0.
        limit: fewest events between two steps, and fewest patients under whom the curve goes on.

    Returns:
        duration_days (the end of a whole month), the level and its limits, without any count; the last row
        closes the curve. Empty where fewer than `limit` patients are at risk from the beginning.
    """
    columns = [level, "ci_lower", "ci_upper"]
    months = rows.assign(month=np.ceil(rows["duration_days"].to_numpy(float) / days_per_month)).groupby(
        "month"
    )
    last = months[["n_at_risk", *columns]].tail(1).set_index(months["month"].tail(1).to_numpy())
    last = last.assign(n_event=months["n_event"].sum())
    last = last[last["n_at_risk"] >= limit]
    drawn, waiting = [], 0
    for at, n in enumerate(last["n_event"].tolist()):
        waiting += int(n)
        if waiting >= limit:
            drawn.append(at)
            waiting = 0
    shown = last.iloc[drawn][columns].copy()
    if len(last) and (not drawn or drawn[-1] < len(last) - 1):
        end = shown.iloc[[-1]] if drawn else pd.DataFrame([[start, np.nan, np.nan]], columns=columns)
        shown = pd.concat([shown, end.set_axis([last.index[-1]])])
    shown.insert(0, "duration_days", shown.index.to_numpy(float) * days_per_month)
    return shown.reset_index(drop=True)
