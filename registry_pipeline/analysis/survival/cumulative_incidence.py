"""Cumulative incidence where events compete: the Aalen-Johansen estimate, exactly.

Belongs here: curves and landmarks of each cause, with their variance.
Does not belong here: Gray's test (gray.py), subdistribution regression (fine_gray.py). A cause-specific Cox
model is `fit_cox` on `cause_specific(frame, event, cause)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.analysis.inputs import (
    DAYS_PER_MONTH,
    Z95,
    Floats,
    Frame,
    Groups,
    Ints,
    Times,
    check_groups,
    check_times,
    distinct_durations,
)
from registry_pipeline.analysis.survival.kaplan_meier import about_estimate, each_group, stack, tidy

CURVE_COLUMNS = [
    "stratum_variable",
    "stratum",
    "cause",
    "duration_days",
    "n_at_risk",
    "n_event",
    "incidence",
    "standard_error",
    "ci_lower",
    "ci_upper",
]
LANDMARK_COLUMNS = [
    "stratum_variable",
    "stratum",
    "cause",
    "landmark",
    "landmark_months",
    "n",
    "n_at_risk",
    "incidence",
    "standard_error",
    "ci_lower",
    "ci_upper",
    "is_beyond_follow_up",
    "status",
    "note",
]


@dataclass(frozen=True)
class Incidence:
    """One cause in one group at all distinct times (events of any cause and censorings)."""

    time: Floats
    n_at_risk: Ints
    n_event: Ints
    incidence: Floats
    variance: Floats


def aalen_johansen(times: Times, cause: int) -> Incidence:
    """Estimate the incidence of one cause, all others competing.

    incidence = sum of S(t-) d / n with S the Kaplan-Meier of any event. variance: the delta method with the
    hypergeometric correction for ties, as in R's cmprsk::cuminc (Gray 1988; Marubini & Valsecchi 1995):
    sum over s <= t of S(s-)^2 d_c / n^2 times the squared effect of that jump on incidence(t).
    """
    time, position = distinct_durations(times)
    left = np.bincount(position, minlength=len(time))
    at_risk = len(times) - np.concatenate(([0], np.cumsum(left)[:-1]))[: len(time)]
    own = np.bincount(position[times.event == cause], minlength=len(time))
    other = np.bincount(position[(times.event > 0) & (times.event != cause)], minlength=len(time))
    n = at_risk.astype(np.float64)
    after: Floats = np.asarray(np.cumprod(1 - (own + other) / n), dtype=np.float64)
    before = np.concatenate(([1.0], after[:-1]))[: len(time)]
    incidence = np.asarray(np.cumsum(before * own / n), dtype=np.float64)
    return Incidence(time, at_risk, own, incidence, _variance(n, own, other, before, after, incidence))


def _variance(n: Floats, own: Ints, other: Ints, before: Floats, after: Floats, incidence: Floats) -> Floats:
    """Variance of the incidence at every time, by three running sums."""
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.where(after > 0, 1 / after, 0.0)
        tie_own = np.where(own > 1, 1 - (own - 1) / (n - 1), 1.0)
        tie_other = np.where(other > 1, 1 - (other - 1) / (n - 1), 1.0)
    jump_own = before**2 * tie_own * own / n**2
    jump_other = np.where(after > 0, before**2 * tie_other * other / n**2, 0.0)
    level = incidence * inverse
    constant = np.cumsum(jump_own * (1 + level) ** 2 + jump_other * level**2)
    linear = np.cumsum(inverse * (jump_own * (1 + level) + jump_other * level))
    square = np.cumsum(inverse**2 * (jump_own + jump_other))
    return np.maximum(constant - 2 * incidence * linear + incidence**2 * square, 0.0)


def incidence_limits(incidence: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """95 % limits on the complementary log-log scale; NaN where the incidence is 0 or 1."""
    undefined = (incidence <= 0) | (incidence >= 1)
    with np.errstate(all="ignore"):
        width = Z95 * np.sqrt(variance) / (incidence * np.abs(np.log(incidence)))
        lower, upper = incidence ** np.exp(width), incidence ** np.exp(-width)
    return np.where(undefined, np.nan, lower), np.where(undefined, np.nan, upper)


def _read(frame: Frame, duration: str, event: str, by: str | None) -> tuple[Times, Groups, list[int]]:
    """Check the frame and list the causes that occur in it."""
    times = check_times(frame, duration, event, competing=True)
    causes = sorted({int(code) for code in np.unique(times.event) if code > 0} | {1})
    return times, check_groups(frame, by, len(times)), causes


def cumulative_incidence(frame: Frame, duration: str, event: str, by: str | None = None) -> pd.DataFrame:
    """Estimate the incidence of every cause in every group over time.

    event: 0 censored, 1, 2, ... causes. One row per group, cause and distinct time, columns of
    `result.cumulative_incidence` and n_event, standard_error. The incidences of all causes and the
    Kaplan-Meier of any event add up to 1 at every time. 1 - Kaplan-Meier of one cause is not this risk.
    """
    times, groups, causes = _read(frame, duration, event, by)
    curves = [
        _curve(aalen_johansen(part, cause), groups.variable, name, cause)
        for name, part in each_group(times, groups)
        for cause in causes
    ]
    return stack(curves, CURVE_COLUMNS, groups.n_missing)


def _curve(found: Incidence, variable: str, name: str, cause: int) -> list[Any]:
    """The columns of one curve."""
    counts = [found.time, found.n_at_risk, found.n_event]
    limits = incidence_limits(found.incidence, found.variance)
    return [variable, name, cause, *counts, found.incidence, np.sqrt(found.variance), *limits]


def landmark_incidence(
    frame: Frame, duration: str, event: str, at: float | Sequence[float], by: str | None = None
) -> pd.DataFrame:
    """Estimate the incidence of every cause at fixed times, given in the unit of the frame.

    A landmark later than the last observation of a group has no estimate: NaN and `is_beyond_follow_up`.
    """
    times, groups, causes = _read(frame, duration, event, by)
    marks = np.atleast_1d(np.asarray(at, dtype=np.float64))
    rows = [
        {"stratum_variable": groups.variable, "stratum": name, "cause": cause, **values}
        for name, part in each_group(times, groups)
        for cause in causes
        for values in _landmark_values(part, cause, marks)
    ]
    return tidy(rows, LANDMARK_COLUMNS, groups.n_missing)


def _landmark_values(times: Times, cause: int, marks: Floats) -> Iterator[dict[str, Any]]:
    """Read one curve at the landmarks."""
    found = aalen_johansen(times, cause)
    at = np.searchsorted(found.time, marks, side="right")
    incidence = np.concatenate(([0.0], found.incidence))[at]
    variance = np.concatenate(([0.0], found.variance))[at]
    lower, upper = incidence_limits(incidence, variance)
    for i, mark in enumerate(marks):
        beyond = bool(mark > times.duration.max())
        numbers = [incidence[i], np.sqrt(variance[i]), lower[i], upper[i]]
        shown = [np.nan] * 4 if beyond else [float(value) for value in numbers]
        counts = [float(mark), float(mark) / DAYS_PER_MONTH, len(times), int((times.duration >= mark).sum())]
        about = about_estimate(float(incidence[i]), beyond, "incidence").values()
        yield dict(zip(LANDMARK_COLUMNS[3:], [*counts, *shown, beyond, *about], strict=True))
