"""Restricted mean survival time and its differences between groups.

Belongs here: the area under the Kaplan-Meier curve up to a horizon, with its standard error.
Does not belong here: the curve itself (curve.py).
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.analysis.curve import curve_of
from registry_pipeline.analysis.gate import (
    DAYS_PER_MONTH,
    NOT_ESTIMABLE,
    OK,
    Z95,
    Frame,
    Times,
    check_groups,
    check_times,
)
from registry_pipeline.analysis.survival import each_group, tidy

COLUMNS = [
    "stratum_variable",
    "stratum",
    "n",
    "n_event",
    "tau",
    "estimate",
    "standard_error",
    "ci_lower",
    "ci_upper",
    "tau_months",
    "estimate_months",
    "standard_error_months",
    "ci_lower_months",
    "ci_upper_months",
    "status",
    "note",
]
DIFFERENCE_COLUMNS = [
    "stratum_variable",
    "stratum",
    "reference_stratum",
    "tau",
    "estimate",
    "standard_error",
    "ci_lower",
    "ci_upper",
    "p_value",
    "status",
    "note",
]
IN_MONTHS = ("tau", "estimate", "standard_error", "ci_lower", "ci_upper")


def area_under_curve(times: Times, tau: float) -> tuple[float, float]:
    """Give the restricted mean up to tau and its standard error.

    variance = sum over event times of A(t)^2 d / (n (n - d)), A(t) the area from t to tau
    (Klein & Moeschberger 2003, 4.5; R print.survfit(rmean=)).
    """
    curve = curve_of(times)
    inside = curve.table.time < tau
    time, survival = curve.table.time[inside], curve.survival[inside]
    piece = np.concatenate(([1.0], survival)) * np.diff(np.concatenate(([0.0], time, [tau])))
    beyond = np.cumsum(piece[::-1])[::-1][1:]
    at_risk, dead = curve.table.n_at_risk[inside], curve.table.n_event[inside]
    with np.errstate(divide="ignore", invalid="ignore"):
        term = np.where((dead > 0) & (beyond > 0), beyond**2 * dead / (at_risk * (at_risk - dead)), 0.0)
    return float(piece.sum()), float(np.sqrt(term.sum()))


def _beyond_follow_up(times: Times, tau: float) -> bool:
    """Say whether the curve is unknown before tau: it ends above zero, earlier than tau."""
    last = times.duration.max()
    is_zero = bool((times.event[times.duration == last] > 0).all())
    return bool(last < tau) and not is_zero


def restricted_mean(
    frame: Frame, duration: str, event: str, tau: float, by: str | None = None
) -> pd.DataFrame:
    """Estimate the mean survival time up to `tau` (unit of the frame) in each group.

    Columns estimate, standard_error, ci_lower, ci_upper in the frame's unit, and the same `_months` for
    durations in days. Where the last observation of a group is censored before tau the area is unknown:
    status not_estimable, numbers NaN. Without events the standard error is 0 and no interval is given.
    """
    if not tau > 0:
        raise ValueError("tau must be greater than zero")
    times = check_times(frame, duration, event)
    groups = check_groups(frame, by, len(times))
    rows = []
    for name, part in each_group(times, groups):
        counts = {"n": len(part), "n_event": int(part.event.sum())}
        rows.append({"stratum_variable": groups.variable, "stratum": name, **counts, **_estimate(part, tau)})
    return tidy(rows, COLUMNS, groups.n_missing)


def _estimate(times: Times, tau: float) -> dict[str, Any]:
    """Estimate one group."""
    values: dict[str, Any] = {"tau": float(tau), "status": OK, "note": ""}
    estimate = error = lower = upper = float("nan")
    if _beyond_follow_up(times, tau):
        values |= {"status": NOT_ESTIMABLE, "note": "The horizon is later than the last observation."}
    else:
        estimate, error = area_under_curve(times, tau)
        if error > 0:
            lower, upper = estimate - Z95 * error, estimate + Z95 * error
        else:
            values["note"] = _no_width(times, tau)
    values |= {"estimate": estimate, "standard_error": error, "ci_lower": lower, "ci_upper": upper}
    return values | {f"{key}_months": values[key] / DAYS_PER_MONTH for key in IN_MONTHS}


def _no_width(times: Times, tau: float) -> str:
    """Say why the standard error is zero."""
    if bool((times.event[times.duration < tau] > 0).any()):
        return "Everybody dies at one time; the interval has no width and is not given."
    return "No event before the horizon; the interval has no width and is not given."


def restricted_mean_difference(frame: Frame, duration: str, event: str, tau: float, by: str) -> pd.DataFrame:
    """Compare restricted means between every pair of groups: later label minus earlier label.

    Groups are independent: the variance of the difference is the sum of the two. Where one of the two standard
    errors is 0 (no event, one patient) it says nothing of the group's uncertainty: not_estimable, without numbers.
    """
    means = restricted_mean(frame, duration, event, tau, by)
    rows = [_difference(a, b) for a, b in combinations(means.to_dict("records"), 2)]
    return tidy(rows, DIFFERENCE_COLUMNS, means.attrs["n_missing"])


def _difference(reference: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Subtract one group's mean from another's."""
    from scipy.special import erfc

    gap = other["estimate"] - reference["estimate"]
    errors = (other["standard_error"], reference["standard_error"])
    error = float(np.hypot(*errors))
    known = bool(np.isfinite(gap)) and min(errors) > 0
    notes = [f"{row['stratum']}: {row['note']}" for row in (reference, other) if row["note"]]
    if np.isfinite(gap) and not known:
        notes.append("So the difference has no standard error, and no test.")
    half = Z95 * error if known else float("nan")
    return {
        "stratum_variable": other["stratum_variable"],
        "stratum": other["stratum"],
        "reference_stratum": reference["stratum"],
        "tau": other["tau"],
        "estimate": gap if known else float("nan"),
        "standard_error": error if known else float("nan"),
        "ci_lower": gap - half,
        "ci_upper": gap + half,
        "p_value": float(erfc(abs(gap) / error / np.sqrt(2))) if known else float("nan"),
        "status": OK if known else NOT_ESTIMABLE,
        "note": " ".join(notes),
    }
