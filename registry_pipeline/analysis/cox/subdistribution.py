"""Risk sets of the subdistribution hazard, in which who had a competing event stays with a weight.

Belongs here: the weights for censoring and entry, sums over weighted risk sets, the weighted likelihood.
Does not belong here: the regression (fine_gray.py), Gray's test (survival/gray.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from registry_pipeline.analysis.counting import binned
from registry_pipeline.analysis.cox.likelihood import Point
from registry_pipeline.analysis.cox.risk_sets import RiskSets, build_risk_sets, cumulate, sum_at_risk
from registry_pipeline.analysis.inputs import Flags, Floats, Ints
from registry_pipeline.analysis.product_limit import censoring_survival
from registry_pipeline.analysis.times import Times

EMPTY_NOTE = "Nobody was at risk any more before the next patient entered: who had another event cannot be followed over that."


@dataclass(frozen=True)
class Weighted:
    """Risk sets of the subdistribution.

    sets: death times of the cause, Breslow ties; censoring_time (K,), censoring_row (n,): probability of being under
    observation just before each death time and each row's own time; stays (n,): rows with a competing event, who stay
    in the risk set with the weight G(t-)/G(T-) (Fine & Gray 1999), from the death time gone (n,) on.
    """

    sets: RiskSets
    n_dying: Floats
    censoring_time: Floats
    censoring_row: Floats
    stays: Flags
    gone: Ints
    times: Times

    @property
    def is_empty_between(self) -> bool:
        """Whether delayed entry leaves a time without anybody at risk, over which no weight leads."""
        return bool(np.any(self.censoring_time <= 0) or np.any(self.censoring_row[self.stays] <= 0))


@dataclass(frozen=True)
class WeightedPoint(Point):
    """The likelihood with what the variance needs: total (K,), mean (K, p), risk (n,)."""

    total: Floats
    mean: Floats
    risk: Floats


def weight_rows(times: Times, cause: int) -> Weighted:
    """Find death times of the cause and the censoring weights."""
    n = len(times)
    own = Times(times.duration, (times.event == cause).astype(np.int64), times.entry)
    sets = build_risk_sets(own, np.zeros(n, dtype=np.int64), np.ones(n), ties="breslow")
    n_dying = np.bincount(sets.tie_index, minlength=sets.n_time).astype(np.float64)
    stays = (times.event > 0) & (times.event != cause)
    gone = np.searchsorted(sets.time, times.duration, side="right").astype(np.int64)
    at_time, at_row = (observed_share(times, at) for at in (sets.time, times.duration))
    return Weighted(sets, n_dying, at_time, at_row, stays, gone, times)


def staying(weighted: Weighted, value: Floats) -> Floats:
    """A value (n,) over the share under observation of those who stay after a competing event, else 0."""
    out = np.zeros(len(value))
    np.divide(value, weighted.censoring_row, out=out, where=weighted.stays)
    return out


def _risk_sum(weighted: Weighted, value: Floats) -> Floats:
    """Sum a value over the weighted risk set at each death time, shape (K,)."""
    sets = weighted.sets
    past = np.cumsum(binned(weighted.gone, staying(weighted, value), sets.n_time + 1))[: sets.n_time]
    return sum_at_risk(sets, value) + weighted.censoring_time * past


def row_sums(weighted: Weighted, value: Floats) -> Floats:
    """Sum (K, ...) values over the death times at which each row is in the weighted risk set: (n, ...)."""
    shape = (-1, *(1,) * (value.ndim - 1))
    zero = np.zeros((1, *value.shape[1:]))
    later = np.cumsum((value * weighted.censoring_time.reshape(shape))[::-1], axis=0)[::-1]
    after = np.concatenate([later, zero])[weighted.gone]
    factor = staying(weighted, np.ones(len(weighted.times))).reshape(shape)
    total: Floats = cumulate(weighted.sets, value) + factor * after
    return total


def evaluate_weighted(weighted: Weighted, x: Floats, beta: Floats) -> WeightedPoint | None:
    """Compute the weighted partial likelihood; None where it overflows."""
    predictor = x @ beta
    if not np.all(np.isfinite(predictor)) or float(np.max(np.abs(predictor), initial=0.0)) > 500:
        return None
    risk = np.exp(predictor)
    sets = weighted.sets
    total = _risk_sum(weighted, risk)
    columns = [_risk_sum(weighted, risk * column) for column in x.T]
    mean = np.array(columns).reshape(x.shape[1], sets.n_time).T / total[:, None]
    rate = weighted.n_dying / total
    hazard = risk * row_sums(weighted, rate)
    information = x.T @ (hazard[:, None] * x) - mean.T @ (weighted.n_dying[:, None] * mean)
    score = x[sets.death_row].sum(axis=0) - weighted.n_dying @ mean
    value = float(predictor[sets.death_row].sum() - weighted.n_dying @ np.log(total))
    return WeightedPoint(value, score, (information + information.T) / 2, total, mean, risk)


def observed_share(times: Times, at: Floats) -> Floats:
    """Product-limit probability of being under observation just before each time, up to a constant factor.

    Without entries the Kaplan-Meier of the censoring time, with those who have an event at a time of censoring among
    those at risk (R's cmprsk). With entries it counts who is left after the events of that time, and is multiplied by
    the probability of having entered, which is estimated backwards in time: 0 where a risk set had emptied before the
    next patient entered (Geskus 2011; R's survival::finegray).
    """
    if times.entry is None:
        return censoring_survival(times, at)
    return _not_censored(times, times.entry, at) * _entered(times, times.entry, at)


def _not_censored(times: Times, entry: Floats, at: Floats) -> Floats:
    """The product over censoring times before each time of the share that goes on."""
    time, lost = np.unique(times.duration[times.event == 0], return_counts=True)
    died = np.searchsorted(np.sort(times.duration[times.event > 0]), time, side="right")
    left = np.searchsorted(np.sort(times.duration[times.event == 0]), time, side="left")
    entered = np.searchsorted(np.sort(entry), time, side="left")
    factors = np.concatenate(([1.0], np.cumprod(1 - lost / (entered - died - left))))
    return _at(factors, np.searchsorted(time, at, side="left"))


def _entered(times: Times, entry: Floats, at: Floats) -> Floats:
    """The product over entries from each time on of the share of those at risk who were there before."""
    time, came = np.unique(entry, return_counts=True)
    entered = np.searchsorted(np.sort(entry), time, side="right")
    gone = np.searchsorted(np.sort(times.duration), time, side="right")
    factors = np.concatenate((np.cumprod((1 - came / (entered - gone))[::-1])[::-1], [1.0]))
    return _at(factors, np.searchsorted(time, at, side="left"))


def _at(factors: Floats, position: Ints) -> Floats:
    return np.asarray(factors[position], dtype=np.float64)
