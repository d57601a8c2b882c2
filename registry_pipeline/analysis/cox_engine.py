"""The Cox partial likelihood with its score and information, by sums over risk sets.

Belongs here: who is at risk at which death time, Efron's and Breslow's likelihood, and the sums that score
residuals and the proportional-hazards test need.
Does not belong here: the search for the maximum (cox_newton.py), frames, terms, tables.

One evaluation costs O(n p + events + n p^2 in one matrix product): a row is at risk for the death times
first <= k < last, so a sum over risk sets is one counting pass and one running sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from registry_pipeline.analysis.gate import Floats, Ints, Times, binned

DENSE_CELLS = 50_000  # death times times rows up to which the risk sets are held as matrices


@dataclass(frozen=True)
class RiskSets:
    """Who is at risk when; independent of coefficients.

    Death times are numbered 0..K-1, stratum after stratum; stratum s holds bounds[s] <= k < bounds[s+1].
    first, last (n,): row i is at risk at death times first[i] <= k < last[i].
    death_row, death_index (m,): rows that die, and the number of their death time.
    count (n,): how many identical patients a row stands for.
    tie_index, tie_fraction (events,): Efron's steps; step l of d deaths at time k removes the fraction l/d of
    the dying from the risk set (zeros for Breslow). tie_start (K,): the first step of each death time.
    indicator: for small data, who is at risk and who dies as two matrices (K, n) of 0 and 1; a bootstrap of 56
    patients spends its time in calls, and one matrix product is one call.
    """

    first: Ints
    last: Ints
    death_row: Ints
    death_index: Ints
    bounds: Ints
    time: Floats
    count: Floats
    tie_index: Ints
    tie_fraction: Floats
    tie_start: Ints
    has_entry: bool
    indicator: tuple[Floats, Floats] | None = None

    @property
    def n_time(self) -> int:
        """Number of distinct death times, over all strata."""
        return len(self.time)

    @property
    def n_event(self) -> int:
        """Number of deaths, each row as often as it counts."""
        return len(self.tie_index)


@dataclass(frozen=True)
class Point:
    """A log-likelihood with its score (p,) and information (p, p) at one set of coefficients."""

    log_likelihood: float
    score: Floats
    information: Floats


@dataclass(frozen=True)
class Evaluation(Point):
    """The Cox likelihood at one set of coefficients.

    risk (n,): exp(linear predictor), uncounted; steps: the sums over Efron's steps at each death time.
    """

    risk: Floats
    steps: Steps


@dataclass(frozen=True)
class Steps:
    """Sums over Efron's steps l of each death time k, with den = S0 - f D0 and m = (S1 - f D1) / den.

    hazard (K,): sum 1/den; hazard_dying (K,): sum f/den; mean (K, p): sum m;
    mean_hazard (K, p): sum m/den; mean_hazard_dying (K, p): sum f m/den; spread (K, p, p) is not kept:
    square (K, 3): sums of 1, f, f^2 over den^2, and at_risk, dying (K, p): S1 and D1, make it when asked.
    """

    hazard: Floats
    hazard_dying: Floats
    mean: Floats
    mean_hazard: Floats
    mean_hazard_dying: Floats
    square: Floats
    at_risk: Floats
    dying: Floats


def build_risk_sets(times: Times, stratum: Ints, count: Floats, ties: str = "efron") -> RiskSets:
    """Find the death times of each stratum and who is at risk at them.

    times: n checked rows with events 0/1; stratum (n,): 0..s-1; count (n,): whole numbers >= 0 (a row of
    count 3 is the same as three rows); ties: efron or breslow.
    """
    unique, rank = np.unique(times.duration, return_inverse=True)
    width = len(unique) + 1
    key = stratum * width + rank + 1
    dies = np.flatnonzero((times.event > 0) & (count > 0))
    death_key, death_index = np.unique(key[dies], return_inverse=True)
    n_strata = int(stratum.max(initial=-1)) + 1
    bounds = np.searchsorted(death_key, np.arange(n_strata + 1) * width).astype(np.int64)
    last = np.searchsorted(death_key, key, side="right").astype(np.int64)
    first = bounds[stratum]
    if times.entry is not None:
        entered = np.searchsorted(unique, times.entry, side="right")
        first = np.searchsorted(death_key, stratum * width + entered, side="right").astype(np.int64)
    n_tied = np.bincount(death_index, weights=count[dies], minlength=len(death_key)).astype(np.int64)
    start = np.concatenate(([0], np.cumsum(n_tied)[:-1])).astype(np.int64)[: len(n_tied)]
    tie_index = np.repeat(np.arange(len(n_tied)), n_tied)
    step = np.arange(len(tie_index)) - start[tie_index]
    fraction = step / n_tied[tie_index] if ties == "efron" else np.zeros(len(tie_index))
    time = unique[(death_key - 1) % width] if len(unique) else unique
    indicator = None
    if len(time) * len(times) <= DENSE_CELLS:
        k = np.arange(len(time))[:, None]
        indicator = ((first <= k) & (k < last)).astype(np.float64), np.zeros((len(time), len(times)))
        indicator[1][death_index, dies] = 1.0
    return RiskSets(
        first,
        last,
        dies,
        death_index,
        bounds,
        time,
        count,
        tie_index,
        fraction,
        start,
        times.entry is not None,
        indicator,
    )


def sum_columns(sets: RiskSets, columns: Floats) -> tuple[Floats, Floats]:
    """Sum columns (n, c) over the rows at risk and over the dying at each death time, two (K, c)."""
    if sets.indicator is not None:
        return sets.indicator[0] @ columns, sets.indicator[1] @ columns
    at_risk, dying = np.empty((sets.n_time, columns.shape[1])), np.empty((sets.n_time, columns.shape[1]))
    for j in range(columns.shape[1]):
        at_risk[:, j], dying[:, j] = sum_at_risk(sets, columns[:, j]), sum_dying(sets, columns[:, j])
    return at_risk, dying


def sum_at_risk(sets: RiskSets, weight: Floats) -> Floats:
    """Sum a weight over the rows at risk at each death time, shape (K,)."""
    bins = binned(sets.last - 1 + (sets.last == 0), weight * (sets.last > sets.first), sets.n_time)
    total = _reverse_sums(sets, bins)
    if sets.has_entry:
        late = (sets.first < sets.last) & (sets.first > 0)
        left = binned(sets.first[late] - 1, weight[late], sets.n_time)
        starts = sets.bounds[1:-1] - 1  # a row first at risk at a stratum's first time is never subtracted
        left[starts[starts >= 0]] = 0.0
        total -= _reverse_sums(sets, left)
    return total


def _reverse_sums(sets: RiskSets, bins: Floats) -> Floats:
    """Running sums from the last death time backwards, stratum by stratum (no cancellation between strata)."""
    out = np.empty_like(bins)
    for start, stop in zip(sets.bounds[:-1], sets.bounds[1:], strict=True):
        out[start:stop] = np.cumsum(bins[start:stop][::-1])[::-1]
    return out


def sum_dying(sets: RiskSets, weight: Floats) -> Floats:
    """Sum a weight over the rows that die at each death time, shape (K,)."""
    return binned(sets.death_index, weight[sets.death_row], sets.n_time)


def sum_steps(sets: RiskSets, value: Floats) -> Floats:
    """Sum a value of Efron's steps within each death time, shape (K,)."""
    return np.add.reduceat(value, sets.tie_start) if sets.n_time else np.zeros(0)


def cumulate(sets: RiskSets, value: Floats) -> Floats:
    """Sum a value of death times over those at which each row is at risk: (K, ...) -> (n, ...)."""
    running = np.concatenate([np.zeros((1, *value.shape[1:])), np.cumsum(value, axis=0)])
    total: Floats = running[sets.last] - running[np.minimum(sets.first, sets.last)]
    return total


def evaluate(sets: RiskSets, x: Floats, beta: Floats) -> Evaluation | None:
    """Compute log-likelihood, score and information; None where they overflow.

    x (n, p), best centred and scaled, columns contiguous; beta (p,). Source: Efron 1977, Breslow 1974.
    """
    predictor = x @ beta
    if not np.all(np.isfinite(predictor)) or float(np.max(np.abs(predictor), initial=0.0)) > 500:
        return None
    risk = np.exp(predictor)
    counted = risk * sets.count
    columns = np.empty((len(x), x.shape[1] + 1), order="F")
    columns[:, 0] = counted
    np.multiply(x, counted[:, None], out=columns[:, 1:])
    at_risk, dying = sum_columns(sets, columns)
    s0, s1, d0, d1 = at_risk[:, 0], at_risk[:, 1:], dying[:, 0], dying[:, 1:]
    denominator = s0[sets.tie_index] - sets.tie_fraction * d0[sets.tie_index]
    if not np.all(denominator > 0):
        return None
    steps = _steps(sets, denominator, s1, d1)
    weight = sets.count[sets.death_row]
    log_likelihood = float(weight @ predictor[sets.death_row] - np.log(denominator).sum())
    score = weight @ x[sets.death_row] - steps.mean.sum(axis=0)
    information = weighted_information(sets, x, counted, steps, np.ones(sets.n_time))
    return Evaluation(log_likelihood, score, information, risk, steps)


def _steps(sets: RiskSets, denominator: Floats, s1: Floats, d1: Floats) -> Steps:
    """Collect the sums over Efron's steps."""
    inverse = 1.0 / denominator
    f = sets.tie_fraction
    hazard, dying = sum_steps(sets, inverse), sum_steps(sets, f * inverse)
    parts = (inverse**2, f * inverse**2, f**2 * inverse**2)
    square = np.column_stack([sum_steps(sets, part) for part in parts])
    one, two, three = (square[:, j : j + 1] for j in range(3))
    return Steps(
        hazard,
        dying,
        s1 * hazard[:, None] - d1 * dying[:, None],
        s1 * one - d1 * two,
        s1 * two - d1 * three,
        square,
        s1,
        d1,
    )


def weighted_information(sets: RiskSets, x: Floats, counted: Floats, steps: Steps, weight: Floats) -> Floats:
    """Sum over death times of weight (K,) times the covariance of x among those at risk, shape (p, p).

    counted (n,): count times exp(linear predictor). The weight 1 gives the information matrix.
    """
    total = counted * cumulate(sets, weight * steps.hazard)
    total[sets.death_row] -= counted[sets.death_row] * (weight * steps.hazard_dying)[sets.death_index]
    c0, c1, c2 = (steps.square * weight[:, None]).T
    s1, d1 = steps.at_risk, steps.dying
    cross = s1.T @ (c1[:, None] * d1)
    outer = s1.T @ (c0[:, None] * s1) - cross - cross.T + d1.T @ (c2[:, None] * d1)
    second = x.T @ (total[:, None] * x)
    information: Floats = second - outer
    return (information + information.T) / 2
