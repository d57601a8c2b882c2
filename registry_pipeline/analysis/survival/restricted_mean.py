"""Restricted mean survival time and its differences between groups.

Belongs here: the area under the Kaplan-Meier curve up to a horizon, with its standard error and limits.
Does not belong here: the curve itself (product_limit.py).

Greenwood's variance is too small where patients are few: with 28 to a group, limits of 1.96 standard errors
about a difference cover 93.9 %. So limits and p values widen it by m / (m - 1) (Kaplan & Meier 1958; SAS PROC
LIFETEST) and take quantiles of t with m - 1 degrees of freedom, of a difference by Satterthwaite (1946). There m
counts the events of a mean without a horizon; here it counts the patients who are seen to die or to reach the
horizon, so that where nobody is censored before it these are the intervals of Student and Welch. The standard error
shown stays R's, so that the two can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, OK, Frame
from registry_pipeline.analysis.product_limit import curve_of
from registry_pipeline.analysis.tidy import tidy
from registry_pipeline.analysis.times import Times, grouped_times
from registry_pipeline.core.units import DAYS_PER_MONTH

COLUMNS = [
    "stratum_variable",
    "stratum",
    "n",
    "n_event",
    "tau",
    "estimate",
    "standard_error",
    "degrees_of_freedom",
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
    "degrees_of_freedom",
    "ci_lower",
    "ci_upper",
    "p_value",
    "status",
    "note",
]
FEWEST_SEEN = 5  # with groups of two a difference is significant in 12 of 100 samples without one
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


@checked
def restricted_mean(
    frame: Frame,
    duration: str,
    event: str,
    tau: float,
    by: str | Sequence[str] | None = None,
    entry: str | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Estimate the mean survival time up to `tau` (unit of the frame) in each group.

    Columns estimate, standard_error, ci_lower, ci_upper in the frame's unit, and the same `_months` for
    durations in days. Where the last observation of a group is censored before tau the area is unknown:
    status not_estimable, numbers NaN. standard_error is Greenwood's; the limits are wider than 1.96 of it (see
    the module), by t with degrees_of_freedom. Where the standard error is 0 there is no interval.
    """
    groups = grouped_times(frame, duration, event, by, entry)
    rows = []
    for name, part in groups.parts:
        counts = {"n": len(part), "n_event": int(part.event.sum())}
        head = {"stratum_variable": groups.variable, "stratum": name, **counts}
        rows.append(head | _estimate(part, tau, level))
    return tidy(rows, COLUMNS, groups.n_missing)


def _unknown_before(times: Times, tau: float) -> str:
    """Why the area up to tau is unknown, or an empty text."""
    curve = curve_of(times)
    if curve.first > 0:
        return "Nobody was under observation at the start: survival before the first entry is unknown."
    if tau > curve.empty:
        return curve.gap(curve.empty)
    return "The horizon is later than the last observation." if _beyond_follow_up(times, tau) else ""


def _estimate(times: Times, tau: float, level: float) -> dict[str, Any]:
    """Estimate one group."""
    reason = _unknown_before(times, tau)
    values: dict[str, Any] = {"tau": float(tau), "status": NOT_ESTIMABLE if reason else OK, "note": reason}
    values["degrees_of_freedom"] = float("nan")
    estimate = error = lower = upper = float("nan")
    if not reason:
        estimate, error = area_under_curve(times, tau)
        freedom = _freedom(times, tau)
        half, *_ = _student(0.0, [_widened(error, freedom)], [freedom], level)
        if half > 0:
            lower, upper, values["degrees_of_freedom"] = estimate - half, estimate + half, freedom
        else:
            values["note"] = _no_width(times, tau)
    values |= {"estimate": estimate, "standard_error": error, "ci_lower": lower, "ci_upper": upper}
    return values | {f"{key}_months": values[key] / DAYS_PER_MONTH for key in IN_MONTHS}


def _freedom(times: Times, tau: float) -> float:
    """Count the patients seen to die or to reach the horizon, less one."""
    return float(((times.event > 0) | (times.duration >= tau)).sum() - 1)


def _widened(error: float, freedom: float) -> float:
    """Correct Greenwood's standard error for few patients; NaN where one patient cannot tell the spread."""
    if error == 0:
        return 0.0
    return float(error * np.sqrt(1 + 1 / freedom)) if freedom > 0 else float("nan")


def _student(
    gap: float, errors: Sequence[float], freedoms: Sequence[float], level: float
) -> tuple[float, float, float]:
    """Give half the width of the interval, the two-sided p value and the degrees of freedom of a sum.

    errors: widened, of independent groups; freedoms: of each. All NaN where there is no spread to tell.
    """
    from scipy.special import stdtr, stdtrit

    square = np.square(errors)
    total = float(square.sum())
    if not total > 0:
        return float("nan"), float("nan"), float("nan")
    counted = square > 0
    freedom = total**2 / float((square[counted] ** 2 / np.asarray(freedoms)[counted]).sum())
    error = float(np.sqrt(total))
    half = float(stdtrit(freedom, (1 + level) / 2)) * error
    return half, float(2 * stdtr(freedom, -abs(gap) / error)), freedom


def _no_width(times: Times, tau: float) -> str:
    """Say why there is no interval."""
    if not bool((times.event[times.duration < tau] > 0).any()):
        return "No event before the horizon; the interval has no width and is not given."
    if _freedom(times, tau) < 1:
        return "Only one patient is seen to the end or to the horizon; that does not tell the spread."
    return "Everybody dies at one time; the interval has no width and is not given."


@checked
def restricted_mean_difference(
    frame: Frame,
    duration: str,
    event: str,
    tau: float,
    by: str | Sequence[str],
    entry: str | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare restricted means between every pair of groups: later label minus earlier label.

    Groups are independent: the variance of the difference is the sum of the two. Limits and p value are wider than
    those of the standard error alone (see the module). Where one of the two standard errors is 0 (no event, one
    patient) it says nothing of the group's uncertainty, and with fewer than 5 patients of a group who are seen to die or to
    reach the horizon hardly anything: not_estimable, without numbers.
    """
    means = restricted_mean(frame, duration, event, tau, by, entry, level)
    rows = [difference_of_means(a, b, level) for a, b in combinations(means.to_dict("records"), 2)]
    return tidy(rows, DIFFERENCE_COLUMNS, means.attrs["n_missing"])


def difference_of_means(
    reference: dict[str, Any], other: dict[str, Any], level: float = 0.95
) -> dict[str, Any]:
    """Subtract one group's mean from another's: two rows of `restricted_mean`, one row of the difference."""
    both = (reference, other)
    gap = other["estimate"] - reference["estimate"]
    errors = [row["standard_error"] for row in both]
    error = float(np.hypot(*errors))
    few = [row["stratum"] for row in both if row["degrees_of_freedom"] < FEWEST_SEEN - 1]
    is_estimable = bool(np.isfinite(gap)) and min(errors) > 0 and not few
    notes = [f"{row['stratum']}: {row['note']}" for row in both if row["note"]]
    half = p_value = freedom = float("nan")
    if is_estimable:
        widened = [_widened(row["standard_error"], row["degrees_of_freedom"]) for row in both]
        half, p_value, freedom = _student(gap, widened, [row["degrees_of_freedom"] for row in both], level)
    elif np.isfinite(gap) and few:
        notes.append(
            f"Fewer than {FEWEST_SEEN} patients of {' and '.join(few)} are seen to die or to reach the horizon: no test."
        )
    elif np.isfinite(gap):
        notes.append("So the difference has no standard error, and no test.")
    return {
        "stratum_variable": other["stratum_variable"],
        "stratum": other["stratum"],
        "reference_stratum": reference["stratum"],
        "tau": other["tau"],
        "estimate": gap if is_estimable else float("nan"),
        "standard_error": error if is_estimable else float("nan"),
        "degrees_of_freedom": freedom,
        "ci_lower": gap - half,
        "ci_upper": gap + half,
        "p_value": p_value,
        "status": OK if is_estimable else NOT_ESTIMABLE,
        "note": " ".join(notes),
    }
