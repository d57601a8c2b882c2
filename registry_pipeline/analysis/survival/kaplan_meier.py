"""Kaplan-Meier curves, survival at landmarks, medians and follow-up as tidy frames.

Belongs here: what analysts call; each function takes a frame and gives the rows of one result table.
Does not belong here: the arithmetic (product_limit.py), tests between groups (logrank.py), competing risks.

Durations are whole days in the registry. Columns that end in `_months` are durations / 30.4375; everything
else is in the unit of the frame. Rows whose group is missing are left out; `frame.attrs["n_missing"]` of
the result counts them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, OK, Frame
from registry_pipeline.analysis.product_limit import (
    Curve,
    censoring_curve,
    confidence_limits,
    curve_of,
    median_with_ci,
    step_value,
)
from registry_pipeline.analysis.tidy import about_estimate, stack, tidy
from registry_pipeline.analysis.times import Times, grouped_times
from registry_pipeline.core.units import DAYS_PER_MONTH

CURVE_COLUMNS = [
    "stratum_variable", "stratum", "duration_days", "n_at_risk", "n_event", "n_censored", "survival",
    "ci_lower", "ci_upper",
]  # fmt: skip
LANDMARK_COLUMNS = [
    "stratum_variable", "stratum", "landmark", "landmark_months", "n", "n_at_risk", "survival", "ci_lower",
    "ci_upper", "is_beyond_follow_up", "status", "note",
]  # fmt: skip
SUMMARY_COLUMNS = [
    "stratum_variable", "stratum", "n", "n_event", "median_months", "median_ci_lower", "median_ci_upper",
    "median_duration", "median_duration_lower", "median_duration_upper", "status", "note",
]  # fmt: skip
FOLLOW_UP_COLUMNS = [
    "stratum_variable",
    "stratum",
    "definition",
    "median_months",
    "ci_lower",
    "ci_upper",
    "min_months",
    "max_months",
    "n",
    "median_duration",
    "status",
    "note",
]


@checked
def kaplan_meier(
    frame: Frame,
    duration: str,
    event: str,
    by: str | Sequence[str] | None = None,
    entry: str | None = None,
    ci_transform: str = "log-log",
    level: float = 0.95,
) -> pd.DataFrame:
    """Estimate survival curves.

    One row per group and distinct time (event or censoring), from the first time on; S is 1 before it.
    Columns as `result.km_curve`; `duration_days` is the frame's duration. Events come before censorings on
    the same day. With `entry`, a row is at risk at t when entry < t <= duration (left truncation); where the risk
    set has emptied while others were still to enter, the curve is NaN from there on.
    Limits of `level` by `ci_transform` (log-log, log, plain), NaN where S is 1 or 0: then the exact limit of
    `exact_proportion_ci` says what zero events can bear.
    Raises ValueError for columns that cannot be used. Source: Kaplan & Meier 1958; agrees with R survfit.
    """
    groups = grouped_times(frame, duration, event, by, entry)
    curves = [_curve(name, part, groups.variable, ci_transform, level) for name, part in groups.parts]
    return stack(curves, CURVE_COLUMNS, groups.n_missing)


def _curve(name: str, times: Times, variable: str, transform: str, level: float) -> list[Any]:
    """The columns of the curve of one group."""
    curve = curve_of(times)
    table, limits = curve.table, confidence_limits(curve.survival, curve.log_variance, transform, level)
    counts = [table.time, table.n_at_risk, table.n_event, table.n_censored]
    return [variable, name, *counts, curve.survival, *limits]


@checked
def landmark_survival(
    frame: Frame,
    duration: str,
    event: str,
    at: float | Sequence[float],
    by: str | Sequence[str] | None = None,
    entry: str | None = None,
    ci_transform: str = "log-log",
    unit: str = "frame",
    level: float = 0.95,
) -> pd.DataFrame:
    """Estimate survival at fixed times.

    `at` is in the unit of the frame (days in the registry); with unit="months" it is in months of 30.4375
    days. `landmark` repeats `at` in the frame's unit and `landmark_months` in months. `n_at_risk` counts rows
    with entry < landmark <= duration. A landmark later than the last observation of its group has no
    estimate: NaN, `is_beyond_follow_up` true. With `entry` there is none before the first entry, nor after the risk
    set has emptied while others were still to enter.
    """
    if unit == "days":
        raise ValueError("landmark_survival: unit must be frame or months")
    groups = grouped_times(frame, duration, event, by, entry)
    times_given = np.atleast_1d(np.asarray(at, dtype=np.float64))
    marks = times_given * DAYS_PER_MONTH if unit == "months" else times_given
    months = times_given if unit == "months" else times_given / DAYS_PER_MONTH
    rows = [
        {"stratum_variable": groups.variable, "stratum": name, "landmark_months": float(month), **values}
        for name, part in groups.parts
        for month, values in zip(months, survival_at(part, marks, ci_transform, level), strict=True)
    ]
    return tidy(rows, LANDMARK_COLUMNS, groups.n_missing)


def survival_at(times: Times, marks: Any, transform: str, level: float) -> Iterator[dict[str, Any]]:
    """Read one group's curve at times (m,) of the frame's unit."""
    curve = curve_of(times)
    survival, variance = step_value(curve, marks)
    lower, upper = confidence_limits(survival, variance, transform, level)
    for i, mark in enumerate(marks):
        reason = curve.gap(float(mark))
        at_risk = times.duration >= mark
        if times.entry is not None:
            at_risk &= times.entry < mark
        estimate = (np.nan,) * 3 if reason else (survival[i], lower[i], upper[i])
        yield {
            "landmark": float(mark),
            "n": len(times),
            "n_at_risk": int(at_risk.sum()),
            **dict(zip(("survival", "ci_lower", "ci_upper"), map(float, estimate), strict=True)),
            "is_beyond_follow_up": bool(mark > curve.last),
            **about_estimate(float(survival[i]), reason, "survival"),
        }


@checked
def median_survival(
    frame: Frame,
    duration: str,
    event: str,
    by: str | Sequence[str] | None = None,
    entry: str | None = None,
    ci_transform: str = "log-log",
    midpoint: bool = True,
    level: float = 0.95,
) -> pd.DataFrame:
    """Estimate medians with Brookmeyer-Crowley limits.

    The median is the first time with S <= 0.5; where S is exactly 0.5 there, R's rule (`midpoint`, the
    default) takes the middle between that time and the next fall of the curve. NaN: not reached.
    `median_months` and its limits are in months of 30.4375 days; `median_duration*` in the frame's unit.
    """
    groups = grouped_times(frame, duration, event, by, entry)
    rows = []
    for name, part in groups.parts:
        curve = curve_of(part)
        median = median_with_ci(curve, ci_transform, midpoint, level)
        counts = [groups.variable, name, len(part), int((part.event > 0).sum())]
        months = [value / DAYS_PER_MONTH for value in median]
        about = _about_median(median, curve)
        rows.append(dict(zip(SUMMARY_COLUMNS, [*counts, *months, *median, *about], strict=True)))
    return tidy(rows, SUMMARY_COLUMNS, groups.n_missing)


def _about_median(limits: tuple[float, float, float], curve: Curve | None = None) -> tuple[str, str]:
    """Status and note of a median and its limits."""
    median, lower, upper = (bool(np.isfinite(value)) for value in limits)
    if not median:
        if curve is not None and np.isfinite(curve.empty):
            return NOT_ESTIMABLE, curve.gap(curve.empty)
        half = "The curve does not fall to one half"
        return NOT_ESTIMABLE, f"{half}; the lower limit of the median holds." if lower else f"{half}."
    if lower and upper:
        return OK, ""
    which = "upper limit" if lower else "lower limit" if upper else "limits"
    return OK, f"Too few events for the {which} of the median."


@checked
def follow_up(
    frame: Frame,
    duration: str,
    event: str,
    definition: str = "reverse_km",
    by: str | Sequence[str] | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Summarise how long the cohort, or each group of it, was followed; rows as `result.follow_up`.

    reverse_km: Kaplan-Meier with censoring as the event (Schemper & Smith 1996). observed: the plain median
    of all durations, deaths included, with the distribution-free limits of order statistics. The two answer
    different questions and are always named. min and max are of the observed durations.
    """
    groups = grouped_times(frame, duration, event, by, competing=True)
    rows = []
    for name, part in groups.parts:
        if definition == "observed":
            median = _median_of_values(np.sort(part.duration), level)
        else:
            median = median_with_ci(censoring_curve(part), "log-log", level=level)
        extremes = (float(part.duration.min()), float(part.duration.max()))
        months = [value / DAYS_PER_MONTH for value in (*median, *extremes)]
        values = [groups.variable, name, definition, *months, len(part), median[0], *_about_median(median)]
        rows.append(dict(zip(FOLLOW_UP_COLUMNS, values, strict=True)))
    return tidy(rows, FOLLOW_UP_COLUMNS, groups.n_missing)


def _median_of_values(ordered: Any, level: float) -> tuple[float, float, float]:
    """Median of a sample and the order statistics that cover it with at least `level` (binomial, 1/2)."""
    from scipy.special import bdtr, bdtrik  # scipy.stats takes longer to load than all medians of a registry

    n, tail = len(ordered), (1 - level) / 2
    rank = math.ceil(bdtrik(tail, n, 0.5))
    if rank > 0 and bdtr(rank - 1, n, 0.5) >= tail:  # the root may lie just beyond a whole number
        rank -= 1
    median = float(np.median(ordered))
    if rank < 1:
        return median, float("nan"), float("nan")
    return median, float(ordered[rank - 1]), float(ordered[n - rank])
