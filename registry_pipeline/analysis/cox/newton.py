"""The search for the maximum of the Cox partial likelihood, and the certificate that it was found.

Belongs here: Newton steps with halving, redundant columns, infinite coefficients.
Does not belong here: the likelihood (analysis/cox/likelihood.py), penalised fits (analysis/cox/firth.py), tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from registry_pipeline.analysis.blockwise import combine, inner
from registry_pipeline.analysis.counting import binned
from registry_pipeline.analysis.cox.likelihood import Evaluation, Point, evaluate
from registry_pipeline.analysis.cox.risk_sets import RiskSets
from registry_pipeline.analysis.inputs import NOT_CONVERGED, NOT_ESTIMABLE, OK, Flags, Floats, Ints

SCORE_TOLERANCE = 1e-9  # score in units of its own standard deviation
RANK_TOLERANCE = 1e-10  # share of a column's information that no other column explains
MAX_ITERATIONS = 60
NOISE = 8 * float(np.finfo(float).eps)  # a spread below this share of the largest value is rounding
LOOK_FOR_INFINITY = (8, 12, 18, 26, 40)


P = TypeVar("P", bound=Point)


@dataclass(frozen=True)
class Problem(Generic[P]):
    """A likelihood of p coefficients: its value at a point (None where it overflows), and whether it rises for
    ever along a direction.
    """

    n_column: int
    at: Callable[[Floats], P | None]
    is_endless: Callable[[Floats], bool]


@dataclass(frozen=True)
class Solution(Generic[P]):
    """Where Newton stopped.

    beta (p,) for scaled columns; evaluation there, and null at zero; status and the reason when not ok;
    infinite (p,): columns whose coefficient has no finite maximum.
    """

    beta: Floats
    evaluation: P | None
    null: P | None
    status: str
    reason: str
    infinite: Flags


@dataclass(frozen=True)
class Standard:
    """What columns were divided by (p,), what was taken off them before (p,), and the shift of strata (strata, p)."""

    scale: Floats
    centre: Floats
    shift: Floats


def standardise(x: Floats, count: Floats, stratum: Ints | None = None) -> Standard:
    """Centre the columns of x (n, p) in place (within strata, which the likelihood allows) and scale them.

    Gives scales and centres (p,), and by how much the mean of each stratum lies above that of all, in these scales
    (strata, p): no rows where there is one stratum. A column without spread gets scale 1 and becomes zero.
    """
    total = float(count.sum()) or 1.0
    scale, centre = np.ones(x.shape[1]), np.zeros(x.shape[1])
    n_strata = 1 if stratum is None else int(stratum.max(initial=0)) + 1
    shift = np.zeros((n_strata if n_strata > 1 else 0, x.shape[1]))
    for j, column in enumerate(x.T):
        largest = max(float(column.max(initial=0.0)), -float(column.min(initial=0.0)))
        if not largest > 0:
            continue
        centre[j] = column[0]
        column -= column[0]  # exact for values close together, which a mean of large ones is not
        column /= largest  # squares of absurd readings would overflow
        mean = inner(count, column) / total
        centre[j] += mean * largest
        column -= mean
        if stratum is not None and n_strata > 1:
            size = binned(stratum, count, n_strata)
            shift[:, j] = binned(stratum, count * column, n_strata) / np.maximum(size, 1)
            column -= shift[stratum, j]
        spread = float(np.sqrt(inner(count, column * column) / total))
        if spread > NOISE:
            scale[j] = spread * largest
            shift[:, j] *= largest
            column /= spread
        else:
            column[:] = 0.0
            shift[:, j] = 0.0
    return Standard(scale, centre, shift / scale)


def split_columns(information: Floats) -> tuple[Flags, Flags, Flags]:
    """Judge columns by the information at zero: give constant, collinear and independent flags, each (p,).

    constant: the column does not vary among those at risk. collinear: some combination of the flagged
    columns is constant, so none of them has an estimate of its own. independent: a largest set of independent
    columns, which spans the same model.
    """
    p = len(information)
    size = np.sqrt(np.maximum(np.diag(information), 0.0))
    constant = size <= 1e-6 * max(float(size.max(initial=0.0)), 1e-3)
    independent = np.zeros(p, dtype=bool)
    collinear = np.zeros(p, dtype=bool)
    usable = np.where(constant, 1.0, size)
    correlation = information / np.outer(usable, usable)
    if not constant.any() and _is_well_conditioned(correlation):
        return constant, collinear, ~constant
    for j in np.flatnonzero(~constant):
        chosen = np.flatnonzero(independent)
        if not len(chosen):
            independent[j] = True
            continue
        loading = np.linalg.solve(correlation[np.ix_(chosen, chosen)], correlation[chosen, j])
        if 1.0 - correlation[chosen, j] @ loading > RANK_TOLERANCE:
            independent[j] = True
        else:
            collinear[j] = True
            collinear[chosen[np.abs(loading) > 1e-4]] = True
    return constant, collinear, independent


def _is_well_conditioned(correlation: Floats) -> bool:
    """Say whether every column has information of its own: the usual case, settled by one factorisation."""
    try:
        return bool(np.diag(np.linalg.cholesky(correlation)).min(initial=1.0) ** 2 > RANK_TOLERANCE)
    except np.linalg.LinAlgError:
        return False


def scaled_score(point: Point) -> float:
    """Give the largest score in units of its standard deviation."""
    if not len(point.score):
        return 0.0
    spread = np.sqrt(np.maximum(np.diag(point.information), 1e-300))
    return float(np.max(np.abs(point.score) / spread))


def newton_step(point: Point) -> Floats | None:
    """Solve information * step = score; None when the information is not positive definite."""
    try:
        root = np.linalg.cholesky(point.information)
    except np.linalg.LinAlgError:
        return None
    if not np.all(np.isfinite(root)):
        return None
    step: Floats = np.linalg.solve(root.T, np.linalg.solve(root, point.score))
    return step


def cox_problem(sets: RiskSets, x: Floats) -> Problem[Evaluation]:
    """The Cox likelihood as a problem; x (n, p): standardised, linearly independent columns."""
    return Problem(
        x.shape[1], lambda beta: evaluate(sets, x, beta), lambda step: is_ascent_to_infinity(sets, x, step)
    )


def maximise(problem: Problem[P], null: P | None = None, start: Floats | None = None) -> Solution[P]:
    """Maximise a likelihood by Newton steps with halving; null: the likelihood at zero, if known.

    start (p,): where the search begins, zero if not said; a solution of nearly the same rows saves most steps.

    The solution is certified: scaled score at most 1e-9, log-likelihood not below that of zero, information
    positive definite; else the status says why.
    """
    beta = np.zeros(problem.n_column)
    null = current = null or problem.at(beta)
    if null is None or current is None:
        return _stopped(beta, None, None, "The likelihood cannot be computed.")
    if start is not None and (begun := problem.at(start)) is not None:
        beta, current = start, begun
    for iteration in range(1, MAX_ITERATIONS + 1):
        step = newton_step(current)
        if step is None:
            break
        if scaled_score(current) <= SCORE_TOLERANCE:
            return _certify(problem, beta, current, null, step)
        if iteration in LOOK_FOR_INFINITY and problem.is_endless(step):
            return _infinite(beta, current, null, step)
        candidate = _halve(problem, beta, step, current)
        if candidate is None:
            break
        beta, current = candidate
    step = newton_step(current)
    if step is not None and problem.is_endless(step):
        return _infinite(beta, current, null, step)
    reason = "The search for the maximum did not end in a certified solution."
    return _stopped(beta, current, null, reason)


def _stopped(beta: Floats, current: P | None, null: P | None, reason: str) -> Solution[P]:
    """Describe a search that found nothing it can vouch for."""
    return Solution(beta, current, null, NOT_CONVERGED, reason, np.zeros(len(beta), dtype=bool))


def _halve(problem: Problem[P], beta: Floats, step: Floats, current: P) -> tuple[Floats, P] | None:
    """Take the largest of step, step/2, step/4 ... that does not lower the likelihood."""
    slack = 1e-11 * abs(current.log_likelihood)
    for _ in range(40):
        point = problem.at(beta + step)
        if point is not None and point.log_likelihood >= current.log_likelihood - slack:
            return beta + step, point
        step = step / 2
    return None


def _certify(problem: Problem[P], beta: Floats, point: P, null: P, step: Floats) -> Solution[P]:
    """Accept a solution only when it is a maximum above the null and no coefficient runs away."""
    slack = 1e-9 * max(1.0, abs(null.log_likelihood))
    if point.log_likelihood < null.log_likelihood - slack:
        reason = "The solution has a lower likelihood than no covariates at all."
        return _stopped(beta, point, null, reason)
    shrunk = np.diag(point.information) < 1e-6 * np.diag(null.information)
    if bool(shrunk.any()) and problem.is_endless(step):
        return _infinite(beta, point, null, step)
    return Solution(beta, point, null, OK, "", np.zeros(len(beta), dtype=bool))


def _infinite(beta: Floats, point: P, null: P, step: Floats) -> Solution[P]:
    """Describe a likelihood that rises for ever."""
    infinite = np.abs(step) > 1e-2 * np.max(np.abs(step))
    reason = "The likelihood rises for ever (monotone likelihood)."
    return Solution(beta, point, null, NOT_ESTIMABLE, reason, infinite)


def is_ascent_to_infinity(sets: RiskSets, x: Floats, direction: Floats) -> bool:
    """Say whether the likelihood never falls along a direction.

    That is so when at every death time each of the dying has the largest value of x @ direction among those
    at risk (Bryson & Johnson 1981). A thousandth of the range is allowed for the direction's own error.
    """
    value = combine(x, direction)
    spread = float(np.ptp(value)) if len(value) else 0.0
    if not spread > 0 or not sets.n_time:
        return False
    dying = np.full(sets.n_time, np.inf)
    np.minimum.at(dying, sets.death_index, value[sets.death_row])
    return bool(np.all(largest_at_risk(sets, value) <= dying + 1e-3 * spread))


def largest_at_risk(sets: RiskSets, value: Floats) -> Floats:
    """Give the largest value among those at risk at each death time, shape (K,)."""
    out = np.full(sets.n_time, -np.inf)
    counts = (sets.count > 0) & (sets.last > sets.first)
    if sets.has_entry:
        for k in range(sets.n_time):
            out[k] = value[counts & (sets.first <= k) & (sets.last > k)].max()
        return out
    np.maximum.at(out, sets.last[counts] - 1, value[counts])
    for start, stop in zip(sets.bounds[:-1], sets.bounds[1:], strict=True):
        out[start:stop] = np.maximum.accumulate(out[start:stop][::-1])[::-1]
    return out
