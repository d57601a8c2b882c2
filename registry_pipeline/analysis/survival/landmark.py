"""Against immortal time: survival from a landmark on, and delayed entry.

Belongs here: conditional survival of those still at risk at a landmark, and left-truncated survival beside the
reading that counts the time before entry as time at risk.
Does not belong here: the curves themselves (survival.py), regression with entry (`fit_cox(..., entry=)`).

Who is grouped or enrolled by something that happens later cannot die before it: that time is immortal
(Suissa 2008). Two remedies: start the clock at a landmark and group by what is known there (Anderson 1983),
or let a patient enter the risk set only when the condition is met (left truncation).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.analysis.inputs import (
    DAYS_PER_MONTH,
    NOT_ESTIMABLE,
    OK,
    Floats,
    Frame,
    Groups,
    Times,
    check_groups,
    check_times,
)
from registry_pipeline.analysis.product_limit import confidence_limits, curve_of, risk_table, step_value
from registry_pipeline.analysis.survival.kaplan_meier import each_group, tidy
from registry_pipeline.analysis.survival.logrank import chi_square_p, logrank_scores, quadratic_form

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


def landmark_analysis(
    frame: Frame,
    duration: str,
    event: str,
    landmarks: float | Sequence[float],
    horizon: float,
    by: str | None = None,
) -> pd.DataFrame:
    """Survival `horizon` after each landmark among those still under observation there; one row per group.

    Landmarks and horizon are in the unit of the frame. Who dies or is censored up to the landmark (or on its
    day) is left out and counted; the others start anew at 0. `by` must be known at the landmark. 95 % limits
    are log-log; logrank_p_value compares the groups from the landmark on. A landmark without anybody left, or
    a horizon beyond the last observation: not_estimable with the reason.
    Raises ValueError for a negative landmark or a horizon that is not positive.
    """
    marks = np.atleast_1d(np.asarray(landmarks, dtype=np.float64))
    if (marks < 0).any() or not horizon > 0:
        raise ValueError("landmarks must not be negative and the horizon must be greater than zero")
    times = check_times(frame, duration, event)
    groups = check_groups(frame, by, len(times))
    rows: list[dict[str, Any]] = []
    for mark in marks:
        p_value = _logrank_from(times, groups, float(mark))
        for name, part in each_group(times, groups):
            head = {"stratum_variable": groups.variable, "stratum": name, "logrank_p_value": p_value}
            rows.append(head | _from_landmark(part, float(mark), float(horizon)))
    return tidy(rows, LANDMARK_COLUMNS, groups.n_missing)


def _left(times: Times, mark: float) -> Times:
    """Those still under observation after the landmark, their clock set to 0 there."""
    kept = times.take(times.duration > mark)
    return Times(kept.duration - mark, kept.event)


def _from_landmark(times: Times, mark: float, horizon: float) -> dict[str, Any]:
    """One group from one landmark on."""
    left, gone = _left(times, mark), times.duration <= mark
    row: dict[str, Any] = {
        "landmark": mark, "landmark_months": mark / DAYS_PER_MONTH, "horizon": horizon,
        "horizon_months": horizon / DAYS_PER_MONTH, "n_before": len(times),
        "n_left_with_event": int((gone & (times.event > 0)).sum()),
        "n_left_censored": int((gone & (times.event == 0)).sum()),
        "n": len(left), "n_event": int(left.event.sum()), "n_at_risk": int((left.duration >= horizon).sum()),
    }  # fmt: skip
    return row | _at(left, horizon, "Nobody is under observation after the landmark.")


def _at(times: Times, mark: float, nobody: str) -> dict[str, Any]:
    """Survival at a time with its limits, or why there is none."""
    blank = dict.fromkeys(("survival", "ci_lower", "ci_upper"), float("nan"))
    if not len(times):
        return blank | {"status": NOT_ESTIMABLE, "note": nobody}
    if mark > times.duration.max():
        note = "The time asked for is later than the last observation."
        return blank | {"status": NOT_ESTIMABLE, "note": note}
    curve = curve_of(times)
    survival, variance = step_value(curve, np.array([mark]))
    lower, upper = confidence_limits(survival, variance, "log-log")
    exact = survival[0] in (0.0, 1.0)
    note = "No limits exist where the estimate is 0 or 1." if exact else ""
    found = dict(zip(blank, (float(survival[0]), float(lower[0]), float(upper[0])), strict=True))
    return found | {"status": OK, "note": note}


def _logrank_from(times: Times, groups: Groups, mark: float) -> float:
    """P value of the log-rank test among those left after the landmark; NaN without a comparison."""
    rows = np.flatnonzero((times.duration > mark) & (groups.code >= 0))
    if groups.variable == "overall" or not len(rows) or not times.event[rows].any():
        return float("nan")
    code = np.unique(groups.code[rows], return_inverse=True)[1].astype(np.int64)
    left = Times(times.duration[rows] - mark, times.event[rows])
    test = logrank_scores(left, code, int(code.max()) + 1, (0.0, 0.0))
    return chi_square_p(*quadratic_form(test.observed - test.expected, test.covariance))


def immortal_time(
    frame: Frame, duration: str, event: str, entry: str, at: float | Sequence[float], by: str | None = None
) -> pd.DataFrame:
    """Survival at fixed times, once as if everybody was at risk from day 0, once with delayed entry.

    entry: when a patient came under observation, 0 <= entry < duration. One row per group, reading and time
    (unit of the frame): the two readings stand beside each other, their difference is immortal time.
    immortal_days: sum of the entries. Where the risk set of the truncated reading empties before the time
    asked for, the estimate would be that of the few who entered first: not_estimable. Durations equal to the
    entry are refused by the gate.
    """
    marks = np.atleast_1d(np.asarray(at, dtype=np.float64))
    times = check_times(frame, duration, event, entry)
    groups = check_groups(frame, by, len(times))
    rows: list[dict[str, Any]] = []
    for name, part in each_group(times, groups):
        for reading, chosen in zip(READINGS, (Times(part.duration, part.event), part), strict=True):
            for values in _readings(chosen, part, marks):
                head = {"stratum_variable": groups.variable, "stratum": name, "reading": reading}
                rows.append(head | values)
    return tidy(rows, IMMORTAL_COLUMNS, groups.n_missing)


def _readings(times: Times, entered: Times, marks: Floats) -> Iterator[dict[str, Any]]:
    """One reading of one group at the times asked for."""
    empty = _first_empty(times)
    immortal = float(entered.entry.sum()) if entered.entry is not None else 0.0
    for mark in marks:
        at_risk = times.duration >= mark
        if times.entry is not None:
            at_risk &= times.entry < mark
        row = _at(times, float(mark), "There are no patients.")
        if mark >= empty and row["status"] == OK:
            note = "Everybody at risk had died before the next patient entered: the curve says nothing after that."
            row |= dict.fromkeys(("survival", "ci_lower", "ci_upper"), float("nan"))
            row |= {"status": NOT_ESTIMABLE, "note": note}
        counts = {"landmark": float(mark), "landmark_months": float(mark) / DAYS_PER_MONTH, "n": len(times)}
        yield counts | {"n_at_risk": int(at_risk.sum()), "immortal_days": immortal} | row


def _first_empty(times: Times) -> float:
    """The first time at which all at risk die while others are still to enter; infinite when there is none."""
    if times.entry is None or not len(times):
        return float("inf")
    table = risk_table(times)
    gone = (table.n_event > 0) & (table.n_event == table.n_at_risk) & (table.time < times.duration.max())
    return float(table.time[gone][0]) if gone.any() else float("inf")
