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

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.distributions import normal_quantile
from registry_pipeline.analysis.inputs import Floats, Frame, Ints
from registry_pipeline.analysis.product_limit import curve_of, risk_table
from registry_pipeline.analysis.tidy import about_estimate, stack, tidy
from registry_pipeline.analysis.times import GroupedTimes, Times, grouped_times
from registry_pipeline.core.units import DAYS_PER_MONTH

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
    table = risk_table(times)
    time, position = times.distinct
    own = np.bincount(position[times.event == cause], minlength=len(time))
    other = np.bincount(position[(times.event > 0) & (times.event != cause)], minlength=len(time))
    n = np.maximum(table.n_at_risk, 1).astype(np.float64)
    after: Floats = np.asarray(np.cumprod(1 - (own + other) / n), dtype=np.float64)
    before = np.concatenate(([1.0], after[:-1]))[: len(time)]
    incidence = np.asarray(np.cumsum(before * own / n), dtype=np.float64)
    variance = _variance(n, own, other, before, after, incidence)
    unknown = time >= curve_of(times).empty
    return Incidence(
        time,
        table.n_at_risk,
        own,
        np.where(unknown, np.nan, incidence),
        np.where(unknown, np.nan, variance),
    )


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


def incidence_limits(incidence: Floats, variance: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """Limits on the complementary log-log scale; NaN where the incidence is 0 or 1."""
    undefined = (incidence <= 0) | (incidence >= 1)
    with np.errstate(all="ignore"):
        width = normal_quantile(level) * np.sqrt(variance) / (incidence * np.abs(np.log(incidence)))
        lower, upper = incidence ** np.exp(width), incidence ** np.exp(-width)
    return np.where(undefined, np.nan, lower), np.where(undefined, np.nan, upper)


def causes_of(groups: GroupedTimes) -> list[int]:
    """The causes that occur, the first always among them."""
    codes = {int(code) for _, part in groups.parts for code in np.unique(part.event)}
    return sorted({code for code in codes if code > 0} | {1})


@checked
def cumulative_incidence(
    frame: Frame,
    duration: str,
    event: str,
    by: str | Sequence[str] | None = None,
    entry: str | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Estimate the incidence of every cause in every group over time.

    event: 0 censored, 1, 2, ... causes. One row per group, cause and distinct time, columns of
    `result.cumulative_incidence` and n_event, standard_error. The incidences of all causes and the
    Kaplan-Meier of any event add up to 1 at every time. 1 - Kaplan-Meier of one cause is not this risk.
    """
    groups = grouped_times(frame, duration, event, by, entry, competing=True)
    curves = [
        _curve(aalen_johansen(part, cause), groups.variable, name, cause, level)
        for name, part in groups.parts
        for cause in causes_of(groups)
    ]
    return stack(curves, CURVE_COLUMNS, groups.n_missing)


def _curve(incidence: Incidence, variable: str, name: str, cause: int, level: float) -> list[Any]:
    """The columns of one curve."""
    counts = [incidence.time, incidence.n_at_risk, incidence.n_event]
    limits = incidence_limits(incidence.incidence, incidence.variance, level)
    return [variable, name, cause, *counts, incidence.incidence, np.sqrt(incidence.variance), *limits]


@checked
def landmark_incidence(
    frame: Frame,
    duration: str,
    event: str,
    at: float | Sequence[float],
    by: str | Sequence[str] | None = None,
    entry: str | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Estimate the incidence of every cause at fixed times, given in the unit of the frame.

    A landmark later than the last observation of a group has no estimate: NaN and `is_beyond_follow_up`; with
    `entry` there is none before the first entry, nor after the risk set has emptied.
    """
    groups = grouped_times(frame, duration, event, by, entry, competing=True)
    marks = np.atleast_1d(np.asarray(at, dtype=np.float64))
    rows = [
        {"stratum_variable": groups.variable, "stratum": name, "cause": cause, **values}
        for name, part in groups.parts
        for cause in causes_of(groups)
        for values in _landmark_values(part, cause, marks, level)
    ]
    return tidy(rows, LANDMARK_COLUMNS, groups.n_missing)


def _landmark_values(times: Times, cause: int, marks: Floats, level: float) -> Iterator[dict[str, Any]]:
    """Read one curve at the landmarks."""
    curve, any_event = aalen_johansen(times, cause), curve_of(times)
    at = np.searchsorted(curve.time, marks, side="right")
    incidence = np.concatenate(([0.0], curve.incidence))[at]
    variance = np.concatenate(([0.0], curve.variance))[at]
    lower, upper = incidence_limits(incidence, variance, level)
    for i, mark in enumerate(marks):
        reason = any_event.gap(float(mark))
        numbers = [incidence[i], np.sqrt(variance[i]), lower[i], upper[i]]
        shown = [np.nan] * 4 if reason else [float(value) for value in numbers]
        at_risk = times.duration >= mark
        if times.entry is not None:
            at_risk &= times.entry < mark
        counts = [float(mark), float(mark) / DAYS_PER_MONTH, len(times), int(at_risk.sum())]
        about = about_estimate(float(incidence[i]), reason, "incidence").values()
        beyond = bool(mark > any_event.last)
        yield dict(zip(LANDMARK_COLUMNS[3:], [*counts, *shown, beyond, *about], strict=True))
