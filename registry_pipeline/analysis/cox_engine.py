"""The Cox partial likelihood with its score and information, by sums over risk sets.

Belongs here: who is at risk at which death time, Efron's and Breslow's likelihood, and the sums that score
residuals and the proportional-hazards test need.
Does not belong here: the search for the maximum (cox_newton.py), frames, terms, tables.

One evaluation costs O(n p^2 + events): a row is at risk for the death times first <= k < last, so a sum over
risk sets is one counting pass and one running sum. Beside the covariates an evaluation holds a few columns of
n numbers, whatever p is: sums go column by column, products in blocks of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from registry_pipeline.analysis.gate import Floats, Ints, Times, binned, distinct

DENSE_CELLS = 50_000  # death times times rows up to which the risk sets are held as matrices
BLOCK = 16_384  # rows of a product that are in hand at once
LARGEST_PREDICTOR = 500.0  # the exponential of more is no number to count with


@dataclass(frozen=True)
class RiskSets:
    """Who is at risk when; independent of coefficients.

    Death times are numbered 0..K-1, stratum after stratum; stratum s holds bounds[s] <= k < bounds[s+1].
    first, last (n,): row i is at risk at death times first[i] <= k < last[i]; both are 0 for a row that never is.
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
    """The Cox likelihood at the coefficients beta (p,); steps: the sums over Efron's steps at each death time."""

    beta: Floats
    steps: Steps

    def risk(self, x: Floats) -> Floats:
        """exp(linear predictor) of the rows of x (n, p), uncounted."""
        predictor = x @ self.beta
        return np.exp(predictor, out=predictor)


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
    unique, key = distinct(times.duration)
    width, n_strata = len(unique), int(stratum.max(initial=-1)) + 1
    keys = np.arange(width)
    if n_strata > 1:
        keys, key = np.unique(stratum * width + key, return_inverse=True)
    dies = np.flatnonzero((times.event > 0) & (count > 0))
    is_death_time = np.zeros(len(keys), dtype=bool)
    is_death_time[key[dies]] = True
    death_key = keys[is_death_time]
    last = np.cumsum(is_death_time)[key]
    death_index = last[dies] - 1
    bounds = np.searchsorted(death_key, np.arange(n_strata + 1) * width).astype(np.int64)
    first = _first_at_risk(times, stratum, unique, death_key, bounds)
    last[last <= first] = 0
    np.minimum(first, last, out=first)
    n_tied = np.bincount(death_index, weights=count[dies], minlength=len(death_key)).astype(np.int64)
    start = np.concatenate(([0], np.cumsum(n_tied)[:-1])).astype(np.int64)[: len(n_tied)]
    tie_index = np.repeat(np.arange(len(n_tied)), n_tied)
    step = np.arange(len(tie_index)) - start[tie_index]
    fraction = step / n_tied[tie_index] if ties == "efron" else np.zeros(len(tie_index))
    time = unique[death_key % max(width, 1)]
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


def _first_at_risk(times: Times, stratum: Ints, unique: Floats, death_key: Ints, bounds: Ints) -> Ints:
    """The first death time at which each row is under observation, (n,)."""
    if times.entry is not None:
        entered = np.searchsorted(unique, times.entry, side="right")
        return np.searchsorted(death_key, stratum * len(unique) + entered).astype(np.int64)
    return bounds[stratum] if len(bounds) > 2 else np.zeros(len(times), dtype=np.int64)


def _sum_columns(sets: RiskSets, x: Floats, counted: Floats) -> tuple[Floats, Floats]:
    """Sum `counted` (n,) and it times each column of x (n, p) over those at risk and over the dying: two (K, p+1)."""
    shape = (sets.n_time, x.shape[1] + 1)
    if sets.indicator is not None:
        columns = np.empty((len(x), shape[1]), order="F")
        columns[:, 0] = counted
        np.multiply(x, counted[:, None], out=columns[:, 1:])
        return sets.indicator[0] @ columns, sets.indicator[1] @ columns
    at_risk, dying = np.empty(shape, order="F"), np.empty(shape, order="F")
    at_risk[:, 0], dying[:, 0] = sum_at_risk(sets, counted), sum_dying(sets, counted)
    column = np.empty(len(x))
    for j in range(x.shape[1]):
        np.multiply(x[:, j], counted, out=column)
        at_risk[:, j + 1], dying[:, j + 1] = sum_at_risk(sets, column), sum_dying(sets, column)
    return at_risk, dying


def sum_at_risk(sets: RiskSets, weight: Floats) -> Floats:
    """Sum a weight over the rows at risk at each death time, shape (K,)."""
    total = _reverse_sums(sets, binned(sets.last, weight, sets.n_time + 1)[1:])
    if sets.has_entry:
        late = sets.first > 0
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
    total: Floats = running[sets.last]
    if sets.has_entry or len(sets.bounds) > 2:
        total -= running[sets.first]
    return total


def evaluate(sets: RiskSets, x: Floats, beta: Floats) -> Evaluation | None:
    """Compute log-likelihood, score and information; None where they overflow.

    x (n, p), best centred and scaled, columns contiguous; beta (p,). Source: Efron 1977, Breslow 1974.
    """
    predictor = x @ beta
    if not max(predictor.max(initial=0.0), -predictor.min(initial=0.0)) <= LARGEST_PREDICTOR:
        return None  # so it is where the largest is no number
    weight = sets.count[sets.death_row]
    died = float(weight @ predictor[sets.death_row])
    counted = np.exp(predictor, out=predictor)
    counted *= sets.count
    at_risk, dying = _sum_columns(sets, x, counted)
    denominator = at_risk[sets.tie_index, 0] - sets.tie_fraction * dying[sets.tie_index, 0]
    if not np.all(denominator > 0):
        return None
    steps = _steps(sets, denominator, at_risk[:, 1:], dying[:, 1:])
    log_likelihood = died - float(np.log(denominator).sum())
    score = weight @ x[sets.death_row] - steps.mean.sum(axis=0)
    information = weighted_information(sets, x, counted, steps, np.ones(sets.n_time))
    return Evaluation(log_likelihood, score, information, beta, steps)


def _steps(sets: RiskSets, denominator: Floats, s1: Floats, d1: Floats) -> Steps:
    """Collect the sums over Efron's steps."""
    inverse = 1.0 / denominator
    scaled = sets.tie_fraction * inverse
    hazard, dying = sum_steps(sets, inverse), sum_steps(sets, scaled)
    pairs = ((inverse, inverse), (scaled, inverse), (scaled, scaled))
    square = np.column_stack([sum_steps(sets, one * other) for one, other in pairs])
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
    total = cumulate(sets, weight * steps.hazard)
    total *= counted
    total[sets.death_row] -= counted[sets.death_row] * (weight * steps.hazard_dying)[sets.death_index]
    c0, c1, c2 = (steps.square * weight[:, None]).T
    s1, d1 = steps.at_risk, steps.dying
    cross = s1.T @ (c1[:, None] * d1)
    outer = s1.T @ (c0[:, None] * s1) - cross - cross.T + d1.T @ (c2[:, None] * d1)
    information: Floats = _second_moment(x, total) - outer
    return (information + information.T) / 2


def _second_moment(x: Floats, weight: Floats) -> Floats:
    """x' diag(weight) x, (p, p)."""
    total = np.zeros((x.shape[1], x.shape[1]))
    for start in range(0, len(x), BLOCK):
        rows = x[start : start + BLOCK]
        total += rows.T @ (weight[start : start + BLOCK, None] * rows)
    return total
