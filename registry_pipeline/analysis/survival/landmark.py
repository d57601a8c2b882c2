"""Against immortal time: survival from a landmark on, and delayed entry.

Belongs here: conditional survival of those still at risk at a landmark, and left-truncated survival beside the
reading that counts the time before entry as time at risk.
Does not belong here: the curves themselves (survival.py), regression with entry (`fit_cox(..., entry=)`).

Who is grouped or enrolled by something that happens later cannot die before it: that time is immortal
(Suissa 2008). Two remedies: start the clock at a landmark and group by what is known there (Anderson 1983),
or let a patient enter the risk set only when the condition is met (left truncation).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, Frame
from registry_pipeline.analysis.survival.kaplan_meier import survival_at
from registry_pipeline.analysis.survival.logrank import two_sample_p
from registry_pipeline.analysis.tidy import tidy
from registry_pipeline.analysis.times import Groups, Times, check_groups, check_times, grouped_times
from registry_pipeline.core.units import DAYS_PER_MONTH

LANDMARK_COLUMNS = [
    "stratum_variable", "stratum", "landmark", "landmark_months", "horizon", "horizon_months", "n_before",
    "n_left_with_event", "n_left_censored", "n", "n_event", "n_at_risk", "survival", "ci_lower", "ci_upper",
    "logrank_p_value", "status", "note",
]  # fmt: skip
IMMORTAL_COLUMNS = [
    "stratum_variable", "stratum", "reading", "landmark", "landmark_months", "n", "n_at_risk", "survival",
    "ci_lower", "ci_upper", "immortal_days", "status", "note",
]  # fmt: skip
READINGS = ("counted as at risk", "left truncated")


@checked
def landmark_analysis(
    frame: Frame,
    duration: str,
    event: str,
    landmarks: float | Sequence[float],
    horizon: float,
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Survival `horizon` after each landmark among those still under observation there; one row per group.

    Landmarks and horizon are in the unit of the frame. Who dies or is censored up to the landmark (or on its
    day) is left out and counted; the others start anew at 0. `by` must be known at the landmark. 95 % limits
    are log-log; logrank_p_value compares the groups from the landmark on. A landmark without anybody left, or
    a horizon beyond the last observation: not_estimable with the reason.
    """
    marks = np.atleast_1d(np.asarray(landmarks, dtype=np.float64))
    times = check_times(frame, duration, event)
    groups, split = check_groups(frame, by, len(times)), grouped_times(frame, duration, event, by)
    rows: list[dict[str, Any]] = []
    for mark in marks:
        p_value = _logrank_from(times, groups, float(mark))
        for name, part in split.parts:
            head = {"stratum_variable": groups.variable, "stratum": name, "logrank_p_value": p_value}
            rows.append(head | _from_landmark(part, float(mark), float(horizon), level))
    return tidy(rows, LANDMARK_COLUMNS, groups.n_missing)


def _left(times: Times, mark: float) -> Times:
    """Those still under observation after the landmark, their clock set to 0 there."""
    later = times.take(times.duration > mark)
    return Times(later.duration - mark, later.event)


def _from_landmark(times: Times, mark: float, horizon: float, level: float) -> dict[str, Any]:
    """One group from one landmark on."""
    remaining, gone = _left(times, mark), times.duration <= mark
    row: dict[str, Any] = {
        "landmark": mark, "landmark_months": mark / DAYS_PER_MONTH, "horizon": horizon,
        "horizon_months": horizon / DAYS_PER_MONTH, "n_before": len(times),
        "n_left_with_event": int((gone & (times.event > 0)).sum()),
        "n_left_censored": int((gone & (times.event == 0)).sum()),
        "n": len(remaining), "n_event": int(remaining.event.sum()), "n_at_risk": int((remaining.duration >= horizon).sum()),
    }  # fmt: skip
    return row | _at(remaining, horizon, "Nobody is under observation after the landmark.", level)


def _at(times: Times, mark: float, nobody: str, level: float) -> dict[str, Any]:
    """Survival at a time with its limits, or why there is none."""
    names = ("survival", "ci_lower", "ci_upper", "status", "note")
    if not len(times):
        return dict(zip(names, [float("nan")] * 3 + [NOT_ESTIMABLE, nobody], strict=True))
    (row,) = survival_at(times, np.array([mark]), "log-log", level)
    return {name: row[name] for name in names}


def _logrank_from(times: Times, groups: Groups, mark: float) -> float:
    """P value of the log-rank test among those left after the landmark; NaN without a comparison."""
    rows = np.flatnonzero((times.duration > mark) & (groups.code >= 0))
    if groups.variable == "overall" or not len(rows) or not times.event[rows].any():
        return float("nan")
    code = np.unique(groups.code[rows], return_inverse=True)[1].astype(np.int64)
    remaining = Times(times.duration[rows] - mark, times.event[rows])
    return two_sample_p(remaining, code, int(code.max()) + 1)


@checked
def immortal_time(
    frame: Frame,
    duration: str,
    event: str,
    entry: str,
    at: float | Sequence[float],
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Survival at fixed times, once as if everybody was at risk from day 0, once with delayed entry.

    entry: when a patient came under observation, 0 <= entry < duration. One row per group, reading and time
    (unit of the frame): the two readings stand beside each other, their difference is immortal time.
    immortal_days: sum of the entries. Where nobody is at risk yet, or the risk set has emptied before the time
    asked for: not_estimable. Durations equal to the entry are refused.
    """
    marks = np.atleast_1d(np.asarray(at, dtype=np.float64))
    groups = grouped_times(frame, duration, event, by, entry)
    rows: list[dict[str, Any]] = []
    for name, part in groups.parts:
        immortal = float(part.entry.sum()) if part.entry is not None else 0.0
        for reading, chosen in zip(READINGS, (Times(part.duration, part.event), part), strict=True):
            for values in survival_at(chosen, marks, "log-log", level):
                head = {"stratum_variable": groups.variable, "stratum": name, "reading": reading}
                head["landmark_months"] = values["landmark"] / DAYS_PER_MONTH
                rows.append(head | {"immortal_days": immortal} | values)
    return tidy(rows, IMMORTAL_COLUMNS, groups.n_missing)
