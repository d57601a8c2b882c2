"""Curves on so few steps that none shows single patients.

Belongs here: rounding curves. Does not belong here: counts (``suppression.py``), drawing.

A release has hundreds of curves: each is taken as arrays, and one frame is made of all of them at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

Numbers = npt.NDArray[np.float64]
GROUP = ("endpoint", "origin", "stratum_variable", "stratum")
"""Columns that name a curve."""


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
    n_event = np.nan_to_num(rows["n_event"].to_numpy(float))
    shown = _steps(rows, n_event, level, start, limit, days_per_month)
    return pd.DataFrame(shown, columns=["duration_days", level, "ci_lower", "ci_upper"])


def _steps(
    rows: pd.DataFrame, n_event: Numbers, level: str, start: float, limit: int, days_per_month: float
) -> Numbers:
    """As of :func:`rounded_curve`, as an array of its four columns."""
    months = np.ceil(rows["duration_days"].to_numpy(float) / days_per_month)
    ends = np.append(np.flatnonzero(np.diff(months)), len(months) - 1) if len(months) else np.array([], int)
    begins = np.append(0, ends[:-1] + 1) if len(ends) else ends
    is_shown = rows["n_at_risk"].to_numpy(float)[ends] >= limit
    events = np.add.reduceat(n_event, begins)[is_shown] if len(ends) else n_event
    levels = rows[[level, "ci_lower", "ci_upper"]].to_numpy(float)[ends][is_shown]
    table = np.column_stack([months[ends][is_shown] * days_per_month, levels])
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
    """Every curve of a table as it may be shown (see :func:`rounded_curve`); a group with few patients has none.

    The release holds no events beside incidences: they follow from the steps and the numbers at risk.
    """
    names = [name for name in GROUP if name in rows]
    named = [*names, *(["cause"] if "cause" in rows else [])]
    keys, tables = [], [np.empty((0, 4))]
    for key, group in rows.groupby(names, sort=False):
        group = group.sort_values("duration_days", kind="stable")
        for cause, curve, n_event in _causes(group, level):
            table = _steps(curve, n_event, level, start, limit, days_per_month)
            keys += [(*key, *cause)] * len(table)
            tables.append(table)
    result = pd.DataFrame(keys, columns=named).astype(rows[named].dtypes)
    numbers = pd.DataFrame(np.vstack(tables), columns=["duration_days", level, "ci_lower", "ci_upper"])
    return pd.concat([result, numbers], axis=1)


def _causes(group: pd.DataFrame, level: str) -> Iterator[tuple[Sequence[object], pd.DataFrame, Numbers]]:
    """The curves of a group with the events at each time, each under its cause where it has one."""
    if "cause" not in group:
        yield (), group, np.nan_to_num(group["n_event"].to_numpy(float))
        return
    free = 1 - group.groupby("duration_days")["incidence"].sum().shift(fill_value=0.0)
    for cause, curve in group.groupby("cause"):
        levels = curve[level].to_numpy(float)
        step = np.diff(levels, prepend=0.0)
        n_event = step * curve["n_at_risk"].to_numpy(float) / curve["duration_days"].map(free).to_numpy(float)
        yield (cause,), curve, np.nan_to_num(np.round(n_event))
