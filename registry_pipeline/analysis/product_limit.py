"""The arithmetic of the product-limit curve, on checked arrays.

Belongs here: counts at risk, Kaplan-Meier, Greenwood's variance, confidence limits, medians.
Does not belong here: reading frames, naming strata, tables.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from registry_pipeline.analysis.counting import TIE_TOLERANCE
from registry_pipeline.analysis.distributions import normal_quantile
from registry_pipeline.analysis.inputs import Flags, Floats, Ints
from registry_pipeline.analysis.times import Times


@dataclass(frozen=True)
class RiskTable:
    """Distinct times of one group in increasing order, with whole counts.

    n_at_risk: entered before the time and not yet left it; events come before censorings of the same time.
    """

    time: Floats
    n_at_risk: Ints
    n_event: Ints
    n_censored: Ints


@dataclass(frozen=True)
class Curve:
    """Kaplan-Meier at the distinct times; log_variance is Greenwood's variance of log S.

    Known from `first` to before `empty`: with delayed entry nobody is at risk before the first entry, and where the
    risk set empties while others are still to enter, the curve says nothing from there on. last: end of follow-up.
    """

    table: RiskTable
    survival: Floats
    log_variance: Floats
    first: float = float("-inf")
    empty: float = float("inf")
    last: float = float("inf")

    def gap(self, mark: float) -> str:
        """Why the curve says nothing at a time, or an empty text."""
        if mark > self.last:
            return "The time asked for is later than the last observation of the group."
        if mark < self.first:
            return "Nobody was under observation yet: the time asked for is before the first entry."
        if mark >= self.empty:
            return "Nobody was at risk any more before the next patient entered: the curve says nothing after that."
        return ""


def risk_table(times: Times) -> RiskTable:
    """Count who is at risk, dies and is censored at each distinct time; any event code above 0 is an event."""
    time, position = times.distinct
    n_left = np.bincount(position, minlength=len(time)).astype(np.int64)
    n_event = np.bincount(position[times.event > 0], minlength=len(time)).astype(np.int64)
    n_at_risk = len(times) - np.concatenate(([0], np.cumsum(n_left)[:-1])).astype(np.int64)[: len(time)]
    if times.entry is not None:
        n_entered = np.searchsorted(np.sort(times.entry), time, side="left")
        n_at_risk = n_at_risk - (len(times) - n_entered)
    return RiskTable(time, n_at_risk, n_event, n_left - n_event)


def counts_at_events(times: Times, group: Ints, n_group: int, *leaving: Flags) -> tuple[Floats, list[Floats]]:
    """For each group at each time of any event: who is at risk, and how many of the `leaving` rows leave then.

    Each count has the shape (n_group, times of an event).
    """
    time, position = times.distinct
    cell, shape = group * len(time) + position, (n_group, len(time))

    def counted(cells: Ints) -> Ints:
        return np.bincount(cells, minlength=n_group * len(time)).reshape(shape)

    at = np.flatnonzero(np.bincount(position[times.event > 0], minlength=len(time)))
    at_risk = np.cumsum(counted(cell)[:, ::-1], axis=1)[:, ::-1][:, at].astype(np.float64)
    if times.entry is not None:
        for code in range(n_group):
            entered = np.sort(times.entry[group == code])
            at_risk[code] -= len(entered) - np.searchsorted(entered, time[at], side="left")
    return at_risk, [counted(cell[rows])[:, at].astype(np.float64) for rows in leaving]


def product_limit(table: RiskTable) -> Curve:
    """Compute Kaplan-Meier and Greenwood's variance of log S (Kaplan & Meier 1958; Greenwood 1926)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        at_risk, dead = table.n_at_risk.astype(float), table.n_event.astype(float)
        factor = np.where(dead > 0, (at_risk - dead) / at_risk, 1.0)
        term = np.where(dead > 0, dead / (at_risk * (at_risk - dead)), 0.0)
    return Curve(
        table, np.asarray(np.cumprod(factor), dtype=np.float64), np.asarray(np.cumsum(term), dtype=np.float64)
    )


def curve_of(times: Times) -> Curve:
    """The product-limit curve of one group; NaN where delayed entry leaves it unknown."""
    curve = product_limit(risk_table(times))
    last = float(times.duration.max()) if len(times) else float("inf")
    if times.entry is None or not len(times):
        return replace(curve, last=last)
    first, empty = max(float(times.entry.min()), 0.0), _first_empty(curve.table, times.entry)
    unknown = curve.table.time >= empty
    return Curve(
        curve.table,
        np.where(unknown, np.nan, curve.survival),
        np.where(unknown, np.nan, curve.log_variance),
        first,
        empty,
        last,
    )


def censoring_curve(times: Times) -> Curve:
    """The product-limit curve of the censoring time, as if everybody had been there from the beginning."""
    return curve_of(Times(times.duration, (times.event == 0).astype(np.int64)))


def _first_empty(table: RiskTable, entry: Floats) -> float:
    """The first time from which nobody is at risk while others are still to enter; infinite when there is none.

    Where all at risk die the curve is unknown from that time on; where the last of them is censored, only after it,
    and not at all when somebody enters on that day.
    """
    left = table.n_at_risk - table.n_event - table.n_censored
    is_gap = (left == 0) & (table.time <= entry.max())
    is_gap &= (table.n_event == table.n_at_risk) | ~np.isin(table.time, entry)
    if not is_gap.any():
        return float("inf")
    at = int(np.flatnonzero(is_gap)[0])
    time = float(table.time[at])
    return time if table.n_event[at] == table.n_at_risk[at] else float(np.nextafter(time, np.inf))


def confidence_limits(
    survival: Floats, log_variance: Floats, transform: str, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Give limits of S(t) as R's survfit does; NaN where they do not exist (S = 1 or S = 0)."""
    undefined = (survival <= 0) | (survival >= 1)
    with np.errstate(all="ignore"):
        width = normal_quantile(level) * np.sqrt(log_variance)
        if transform == "plain":
            lower = np.maximum(survival * (1 - width), 0)
            upper = np.minimum(survival * (1 + width), 1)
        elif transform == "log":
            lower, upper = survival * np.exp(-width), np.minimum(survival * np.exp(width), 1)
        else:
            hazard = -np.log(survival)
            lower = np.exp(-hazard * np.exp(width / hazard))
            upper = np.exp(-hazard * np.exp(-width / hazard))
    return np.where(undefined, np.nan, lower), np.where(undefined, np.nan, upper)


def step_value(curve: Curve, at: Floats) -> tuple[Floats, Floats]:
    """Give S and Greenwood's variance of log S at arbitrary times (right-continuous; S = 1 before the first).

    NaN where delayed entry leaves the curve unknown.
    """
    position = np.searchsorted(curve.table.time, at, side="right")
    unknown = (at < curve.first) | (at >= curve.empty)
    survival = np.where(unknown, np.nan, np.concatenate(([1.0], curve.survival))[position])
    return survival, np.where(unknown, np.nan, np.concatenate(([0.0], curve.log_variance))[position])


def censoring_survival(times: Times, at: Floats) -> Floats:
    """The censoring curve just before each time (deaths come before censorings of the same day)."""
    return step_value(censoring_curve(times), np.nextafter(at, -np.inf))[0]


def crossing_time(time: Floats, survival: Floats, midpoint: bool) -> float:
    """Give the time at which a step curve reaches one half; NaN when it does not.

    The first time with S <= 0.5. With `midpoint` (R's rule) and S exactly 0.5 there, half-way to the time
    at which the curve falls further.
    """
    below = np.flatnonzero(survival < 0.5 + TIE_TOLERANCE)
    if not len(below):
        return float("nan")
    first = below[0]
    further = below[survival[below] < survival[first]]
    if midpoint and abs(survival[first] - 0.5) < TIE_TOLERANCE and len(further):
        return float(time[first] + time[further[0]]) / 2
    return float(time[first])


def median_with_ci(
    curve: Curve, transform: str, midpoint: bool = True, level: float = 0.95
) -> tuple[float, float, float]:
    """Give the median and the times at which the confidence limits of S cross one half (Brookmeyer-Crowley)."""
    lower, upper = confidence_limits(curve.survival, curve.log_variance, transform, level)
    return (
        crossing_time(curve.table.time, curve.survival, midpoint),
        crossing_time(curve.table.time, lower, midpoint),
        crossing_time(curve.table.time, upper, midpoint),
    )
