"""Kaplan-Meier curves, survival at landmarks, medians and follow-up as tidy frames.

Belongs here: what analysts call; each function takes a frame and gives the rows of one result table.
Does not belong here: the arithmetic (curve.py), tests between groups (logrank.py), competing risks.

Durations are whole days in the registry. Columns that end in `_months` are durations / 30.4375; everything
else is in the unit of the frame. Rows whose group is missing are left out; `frame.attrs["n_missing"]` of
the result counts them.
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
    Frame,
    Groups,
    Times,
    check_groups,
    check_times,
)
from registry_pipeline.analysis.product_limit import (
    Curve,
    confidence_limits,
    curve_of,
    median_with_ci,
    step_value,
)

NO_PATIENTS = "There are no patients."
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


def each_group(times: Times, groups: Groups) -> Iterator[tuple[str, Times]]:
    """Go through the groups that have rows, in order of their labels."""
    asked = ("groups", id(groups))
    if asked not in times.kept:  # kept with the groups themselves: a number is theirs while they live
        times.kept[asked] = groups, list(_parts(times, groups))
    yield from times.kept[asked][1]


def _parts(times: Times, groups: Groups) -> Iterator[tuple[str, Times]]:
    for code, name in enumerate(groups.labels):
        rows = groups.code == code
        if rows.any():
            yield name, times if bool(rows.all()) else times.take(rows)


def tidy(rows: list[dict[str, Any]], columns: list[str], n_missing: int) -> pd.DataFrame:
    """Make a frame with fixed columns, also when there are no rows, and note how many rows were left out."""
    frame = pd.DataFrame(rows, columns=columns)
    frame.attrs |= {"n_missing": n_missing, "note": "" if rows else NO_PATIENTS}
    return frame


def about_estimate(estimate: float, beyond: bool, what: str) -> dict[str, str]:
    """Status and note of a curve read at one time; what: survival or incidence."""
    if beyond:
        return {
            "status": NOT_ESTIMABLE,
            "note": "The landmark is later than the last observation of the group.",
        }
    if estimate == 0 or estimate == 1:
        return {"status": OK, "note": f"The {what} is {estimate:.0f}; no limits exist there."}
    return {"status": OK, "note": ""}


def stack(curves: list[list[Any]], columns: list[str], n_missing: int) -> pd.DataFrame:
    """Put the curves of all groups under each other; durations in whole days become integers again.

    Each curve is a list of the values of its columns: arrays, or a single value for all its rows.
    """
    if not curves:
        return tidy([], columns, n_missing)
    lengths = [len(curve[columns.index("duration_days")]) for curve in curves]
    result = pd.DataFrame(
        {name: _under_each_other(parts, lengths) for name, *parts in zip(columns, *curves, strict=True)},
        copy=False,
    )
    days = result["duration_days"]
    if bool((days == np.floor(days)).all()):
        result["duration_days"] = days.astype(np.int64)
    result.attrs |= {"n_missing": n_missing, "note": ""}
    return result


def _under_each_other(parts: list[Any], lengths: list[int]) -> Any:
    """One column of all curves."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    return np.repeat(np.array(parts, dtype=object if isinstance(parts[0], str) else None), lengths)


def kaplan_meier(
    frame: Frame,
    duration: str,
    event: str,
    by: str | None = None,
    entry: str | None = None,
    ci_transform: str = "log-log",
) -> pd.DataFrame:
    """Estimate survival curves.

    One row per group and distinct time (event or censoring), from the first time on; S is 1 before it.
    Columns as `result.km_curve`; `duration_days` is the frame's duration. Events come before censorings on
    the same day. With `entry`, a row is at risk at t when entry < t <= duration (left truncation).
    95 % limits by `ci_transform` (log-log, log, plain), NaN where S is 1 or 0: then the exact limit of
    `exact_proportion_ci` says what zero events can bear.
    Raises ValueError for columns the gate refuses. Source: Kaplan & Meier 1958; agrees with R survfit.
    """
    times = check_times(frame, duration, event, entry)
    groups = check_groups(frame, by, len(times))
    curves = [_curve(name, part, groups.variable, ci_transform) for name, part in each_group(times, groups)]
    return stack(curves, CURVE_COLUMNS, groups.n_missing)


def _curve(name: str, times: Times, variable: str, transform: str) -> list[Any]:
    """The columns of the curve of one group."""
    curve = curve_of(times)
    table, limits = curve.table, confidence_limits(curve.survival, curve.log_variance, transform)
    counts = [table.time, table.n_at_risk, table.n_event, table.n_censored]
    return [variable, name, *counts, curve.survival, *limits]


def landmark_survival(
    frame: Frame,
    duration: str,
    event: str,
    at: float | Sequence[float],
    by: str | None = None,
    entry: str | None = None,
    ci_transform: str = "log-log",
    unit: str = "frame",
) -> pd.DataFrame:
    """Estimate survival at fixed times.

    `at` is in the unit of the frame (days in the registry); with unit="months" it is in months of 30.4375
    days. `landmark` repeats `at` in the frame's unit and `landmark_months` in months. `n_at_risk` counts rows
    with entry < landmark <= duration. A landmark later than the last observation of its group has no
    estimate: NaN, `is_beyond_follow_up` true.
    """
    if unit not in ("frame", "months"):
        raise ValueError("unit must be frame or months")
    times = check_times(frame, duration, event, entry)
    groups = check_groups(frame, by, len(times))
    asked = np.atleast_1d(np.asarray(at, dtype=np.float64))
    marks = asked * DAYS_PER_MONTH if unit == "months" else asked
    months = asked if unit == "months" else asked / DAYS_PER_MONTH
    rows: list[dict[str, Any]] = []
    for name, part in each_group(times, groups):
        for values in _landmark_values(part, marks, months, ci_transform):
            rows.append({"stratum_variable": groups.variable, "stratum": name, **values})
    return tidy(rows, LANDMARK_COLUMNS, groups.n_missing)


def _landmark_values(times: Times, marks: Any, months: Any, transform: str) -> Iterator[dict[str, Any]]:
    """Read one group's curve at the landmarks."""
    curve = curve_of(times)
    survival, variance = step_value(curve, marks)
    lower, upper = confidence_limits(survival, variance, transform)
    for i, mark in enumerate(marks):
        beyond = bool(mark > times.duration.max())
        at_risk = times.duration >= mark
        if times.entry is not None:
            at_risk &= times.entry < mark
        estimate = (np.nan,) * 3 if beyond else (survival[i], lower[i], upper[i])
        yield {
            "landmark": float(mark),
            "landmark_months": float(months[i]),
            "n": len(times),
            "n_at_risk": int(at_risk.sum()),
            **dict(zip(("survival", "ci_lower", "ci_upper"), map(float, estimate), strict=True)),
            "is_beyond_follow_up": beyond,
            **about_estimate(float(survival[i]), beyond, "survival"),
        }


def median_survival(
    frame: Frame,
    duration: str,
    event: str,
    by: str | None = None,
    entry: str | None = None,
    ci_transform: str = "log-log",
    midpoint: bool = True,
) -> pd.DataFrame:
    """Estimate medians with Brookmeyer-Crowley limits.

    The median is the first time with S <= 0.5; where S is exactly 0.5 there, R's rule (`midpoint`, the
    default) takes the middle between that time and the next fall of the curve. NaN: not reached.
    `median_months` and its limits are in months of 30.4375 days; `median_duration*` in the frame's unit.
    """
    times = check_times(frame, duration, event, entry)
    groups = check_groups(frame, by, len(times))
    rows = []
    for name, part in each_group(times, groups):
        found = median_with_ci(curve_of(part), ci_transform, midpoint)
        counts = [groups.variable, name, len(part), int((part.event > 0).sum())]
        months = [value / DAYS_PER_MONTH for value in found]
        rows.append(
            dict(zip(SUMMARY_COLUMNS, [*counts, *months, *found, *_about_median(found)], strict=True))
        )
    return tidy(rows, SUMMARY_COLUMNS, groups.n_missing)


def _about_median(found: tuple[float, float, float]) -> tuple[str, str]:
    """Status and note of a median and its limits."""
    median, lower, upper = (bool(np.isfinite(value)) for value in found)
    if not median:
        half = "The curve does not fall to one half"
        return NOT_ESTIMABLE, f"{half}; the lower limit of the median holds." if lower else f"{half}."
    if lower and upper:
        return OK, ""
    which = "upper limit" if lower else "lower limit" if upper else "limits"
    return OK, f"Too few events for the {which} of the median."


def follow_up(frame: Frame, duration: str, event: str, definition: str = "reverse_km") -> pd.DataFrame:
    """Summarise how long the cohort was followed; one row as `result.follow_up`.

    reverse_km: Kaplan-Meier with censoring as the event (Schemper & Smith 1996). observed: the plain median
    of all durations, deaths included, with the distribution-free limits of order statistics. The two answer
    different questions and are always named. min and max are of the observed durations.
    """
    if definition not in ("reverse_km", "observed"):
        raise ValueError("definition must be reverse_km or observed")
    times = check_times(frame, duration, event, competing=True)
    if not len(times):
        return tidy([], FOLLOW_UP_COLUMNS, 0)
    if definition == "observed":
        found = _median_of_values(np.sort(times.duration))
    else:
        found = median_with_ci(_reverse_curve(times), "log-log")
    extremes = (float(times.duration.min()), float(times.duration.max()))
    months = [value / DAYS_PER_MONTH for value in (*found, *extremes)]
    values = [definition, *months, len(times), found[0], *_about_median(found)]
    return tidy([dict(zip(FOLLOW_UP_COLUMNS, values, strict=True))], FOLLOW_UP_COLUMNS, 0)


def _reverse_curve(times: Times) -> Curve:
    """Kaplan-Meier of the censoring time."""
    return curve_of(Times(times.duration, (times.event == 0).astype(np.int64)))


def _median_of_values(ordered: Any) -> tuple[float, float, float]:
    """Median of a sample and the order statistics that cover it with at least 95 % (binomial, 1/2)."""
    from scipy.stats import binom

    n = len(ordered)
    rank = int(binom.ppf(0.025, n, 0.5))
    median = float(np.median(ordered))
    if rank < 1:
        return median, float("nan"), float("nan")
    return median, float(ordered[rank - 1]), float(ordered[n - rank])
