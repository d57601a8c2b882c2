"""The Cox partial likelihood with its score and information, by sums over risk sets.

Belongs here: Efron's and Breslow's likelihood, and the sums that score residuals and the proportional-hazards
test need.
Does not belong here: who is at risk (analysis/cox/risk_sets.py), the search for the maximum (analysis/cox/newton.py), frames,
terms, tables.

One evaluation costs O(n p^2 + events). Beside the covariates it holds a few columns of n numbers, whatever p
is: sums go column by column, products in blocks of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from registry_pipeline.analysis.blockwise import blocks, combine, cross, gather
from registry_pipeline.analysis.cox.risk_sets import RiskSets, cumulate, sum_at_risk, sum_dying
from registry_pipeline.analysis.inputs import Floats

STEPS = 65_536  # Efron's steps that are in hand at once
LARGEST_PREDICTOR = 500.0  # the exponential of more is no number to count with


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
        predictor = combine(x, self.beta)
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


def evaluate(sets: RiskSets, x: Floats, beta: Floats) -> Evaluation | None:
    """Compute log-likelihood, score and information; None where they overflow.

    x (n, p), best centred and scaled, columns contiguous; beta (p,). Source: Efron 1977, Breslow 1974.
    """
    predictor = combine(x, beta)
    if not max(predictor.max(initial=0.0), -predictor.min(initial=0.0)) <= LARGEST_PREDICTOR:
        return None  # so it is where the largest is no number
    score = gather(x, sets.death_row, sets.count[sets.death_row])
    died = float(score @ beta)
    counted = np.exp(predictor, out=predictor)
    counted *= sets.count
    at_risk, dying = _sum_columns(sets, x, counted)
    result = _steps(sets, at_risk, dying)
    if result is None:
        return None
    steps, logarithms = result
    score -= steps.mean.sum(axis=0)
    information = weighted_information(sets, x, counted, steps, np.ones(sets.n_time))
    return Evaluation(died - logarithms, score, information, beta, steps)


def _steps(sets: RiskSets, at_risk: Floats, dying: Floats) -> tuple[Steps, float] | None:
    """Collect the sums over Efron's steps, and the sum of the logarithms of all denominators; None if one is not positive.

    at_risk, dying (K, p + 1): sums of the counted risk and of it times each covariate.
    """
    sums, logarithms = np.empty((sets.n_time, 5)), 0.0
    for times in _blocks_of_steps(sets):
        first = sets.tie_start[times.start]
        stop = sets.tie_start[times.stop] if times.stop < sets.n_time else sets.n_event
        k, fraction = sets.tie_index[first:stop], sets.tie_fraction[first:stop]
        denominator = at_risk[k, 0] - fraction * dying[k, 0]
        if not np.all(denominator > 0):
            return None
        weight = None if sets.tie_weight is None else sets.tie_weight[first:stop]
        heights = np.log(denominator)
        logarithms += float(heights.sum() if weight is None else weight @ heights)
        inverse = 1.0 / denominator
        weighted = inverse if weight is None else weight * inverse
        part = fraction * weighted
        for j, value in enumerate(
            (weighted, part, weighted * inverse, part * inverse, part * (fraction * inverse))
        ):
            sums[times, j] = np.add.reduceat(value, sets.tie_start[times] - first)
    hazard, hazard_dying, square, mixed, square_dying = (sums[:, j : j + 1] for j in range(5))
    s1, d1 = at_risk[:, 1:], dying[:, 1:]
    steps = Steps(
        sums[:, 0],
        sums[:, 1],
        s1 * hazard - d1 * hazard_dying,
        s1 * square - d1 * mixed,
        s1 * mixed - d1 * square_dying,
        sums[:, 2:],
        s1,
        d1,
    )
    return steps, logarithms


def _blocks_of_steps(sets: RiskSets) -> Iterator[slice]:
    """Death times in blocks of about STEPS steps, at least one time in each."""
    start = 0
    while start < sets.n_time:
        stop = int(np.searchsorted(sets.tie_start, sets.tie_start[start] + STEPS, side="right"))
        yield slice(start, stop)
        start = stop


def weighted_information(sets: RiskSets, x: Floats, counted: Floats, steps: Steps, weight: Floats) -> Floats:
    """Sum over death times of weight (K,) times the covariance of x among those at risk, shape (p, p).

    counted (n,): count times exp(linear predictor). The weight 1 gives the information matrix.
    """
    total = cumulate(sets, weight * steps.hazard)
    total *= counted
    back = weight * steps.hazard_dying
    for part in blocks(len(sets.death_row), 1):
        rows = sets.death_row[part]
        total[rows] -= counted[rows] * back[sets.death_index[part]]
    c0, c1, c2 = (steps.square * weight[:, None]).T
    s1, d1 = steps.at_risk, steps.dying
    mixed = cross(s1, c1, d1)
    outer = cross(s1, c0, s1) - mixed - mixed.T + cross(d1, c2, d1)
    information: Floats = cross(x, total, x) - outer
    return (information + information.T) / 2
