"""Curves on so few steps that none shows single patients.

Belongs here: rounding curves. Does not belong here: counts (``suppression.py``), drawing.

A release has hundreds of curves: each is taken as arrays, and one frame is made of all of them at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

Numbers = npt.NDArray[np.float64]
GROUP = ("endpoint", "origin", "stratum_variable", "stratum")
"""Columns that name a curve."""


@dataclass(frozen=True)
class _Curve:
    """Rows of curves as arrays; :attr:`levels` are a level with its limits."""

    days: Numbers
    n_at_risk: Numbers
    n_event: Numbers
    levels: Numbers

    @classmethod
    def of(cls, rows: pd.DataFrame, level: str) -> _Curve:
        events = rows["n_event"].to_numpy(float) if "n_event" in rows else np.zeros(len(rows))
        return cls(
            rows["duration_days"].to_numpy(float),
            rows["n_at_risk"].to_numpy(float),
            np.nan_to_num(events),
            rows[[level, "ci_lower", "ci_upper"]].to_numpy(float),
        )

    def at(self, places: npt.NDArray[np.intp]) -> _Curve:
        """Some of the rows, in the order of the places."""
        return _Curve(self.days[places], self.n_at_risk[places], self.n_event[places], self.levels[places])


def _steps(curve: _Curve, start: float, limit: int, days_per_month: float) -> Numbers:
    """The curve of one group as it may be shown: the end of a whole month, the level and its limits in columns.

    The last row closes the curve. None where fewer than `limit` patients are at risk from the beginning.
    """
    months = np.ceil(curve.days / days_per_month)
    ends = np.append(np.flatnonzero(np.diff(months)), len(months) - 1) if len(months) else np.array([], int)
    begins = np.append(0, ends[:-1] + 1) if len(ends) else ends
    is_shown = curve.n_at_risk[ends] >= limit
    events = np.add.reduceat(curve.n_event, begins)[is_shown] if len(ends) else curve.n_event
    table = np.column_stack([months[ends][is_shown] * days_per_month, curve.levels[ends][is_shown]])
    steps = _after_enough(events, limit)
    if len(table) and (not steps or steps[-1] < len(table) - 1):
        end = table[steps[-1], 1:] if steps else np.array([start, np.nan, np.nan])
        return np.vstack([table[steps], np.append(table[-1, 0], end)])
    return table[steps]


def _after_enough(events: Numbers, limit: int) -> list[int]:
    """Positions at which at least so many events have come since the last one."""
    steps, waiting = [], 0
    for at, n in enumerate(events.tolist()):
        waiting += int(n)
        if waiting >= limit:
            steps.append(at)
            waiting = 0
    return steps


def rounded_curves(
    rows: pd.DataFrame, level: str, start: float, limit: int, days_per_month: float
) -> pd.DataFrame:
    """Every curve of a table as it may be shown: whole months, and a step only after `limit` further events.

    The release holds no events beside incidences: they follow from the steps and the numbers at risk.

    Args:
        rows: curves by time: what names them, duration_days, n_at_risk, n_event, ci_lower, ci_upper and their level.
        level: column of the level.
        start: level at time 0.
        limit: fewest events between two steps, and fewest patients under whom a curve goes on.

    Returns:
        What names a curve, duration_days (the end of a whole month), the level and its limits, without any count; a
        group with few patients has no row.
    """
    names = [name for name in GROUP if name in rows]
    named = [*names, *(["cause"] if "cause" in rows else [])]
    curves = _Curve.of(rows, level)
    codes, causes = pd.factorize(rows["cause"], sort=True) if "cause" in rows else (None, ())
    keys, tables = [], [np.empty((0, 4))]
    for key, places in _groups(rows, names, curves.days):
        group = curves.at(places)
        for cause, curve in [((), group)] if codes is None else _by_cause(group, codes[places], causes):
            table = _steps(curve, start, limit, days_per_month)
            keys += [(*key, *cause)] * len(table)
            tables.append(table)
    result = pd.DataFrame(keys, columns=named).astype(rows[named].dtypes)
    numbers = pd.DataFrame(np.vstack(tables), columns=["duration_days", level, "ci_lower", "ci_upper"])
    return pd.concat([result, numbers], axis=1)


def _groups(
    rows: pd.DataFrame, names: Sequence[str], days: Numbers
) -> Iterator[tuple[tuple[object, ...], npt.NDArray[np.intp]]]:
    """The groups in the order of their first rows, each with the places of its rows by time."""
    codes = rows.groupby(list(names), sort=False).ngroup().fillna(-1).to_numpy(int)
    order = np.lexsort((days, codes))
    order = order[np.searchsorted(codes[order], 0) :]  # a row without a name is of no group
    for places in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1) if len(order) else ():
        yield tuple(rows[name].iat[places[0]] for name in names), places


def _by_cause(
    group: _Curve, codes: npt.NDArray[np.intp], causes: Sequence[object]
) -> Iterator[tuple[tuple[object, ...], _Curve]]:
    """The curves of a group under their causes, with the events at each time."""
    _, at = np.unique(group.days, return_inverse=True)
    sums = np.bincount(at, weights=np.nan_to_num(group.levels[:, 0]))
    free = (1 - np.append(0.0, sums[:-1]))[at]
    for code in np.unique(codes[codes >= 0]):
        places = np.flatnonzero(codes == code)
        curve = group.at(places)
        n_event = np.diff(curve.levels[:, 0], prepend=0.0) * curve.n_at_risk / free[places]
        yield (causes[code],), replace(curve, n_event=np.nan_to_num(np.round(n_event)))
