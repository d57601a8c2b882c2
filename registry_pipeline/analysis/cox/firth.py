"""Cox regression with Firth's penalty, for groups without events and few events per variable.

Belongs here: the penalised search, profile-likelihood limits, penalised likelihood-ratio p values.
Does not belong here: unpenalised fits, tables.

Sources: Firth 1993; Heinze & Schemper 2001 (Biometrics 57:114-119). The penalty is half the log determinant
of the information of all coefficients, also where one of them is held fixed; ties by Efron.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from registry_pipeline.analysis.cox.likelihood import Evaluation, evaluate
from registry_pipeline.analysis.cox.risk_sets import RiskSets, sum_at_risk, sum_dying
from registry_pipeline.analysis.inputs import Flags, Floats

SCORE_TOLERANCE = 1e-9
PROFILE_TOLERANCE = 1e-6  # of a score; the profile's height is then known to about its square
DENSE_CELLS = 4_000_000  # up to here the risk sets are held as one matrix
MAX_ITERATIONS = 60
DIFFERENCE = 1e-5  # standardised units
LARGEST_STEP = 2.0  # standardised units, as a guard against leaving the region where the expansion holds
QUARTER_CHI_SQUARE = 1.920729410347062  # half the 0.95 quantile of chi-square with 1 degree of freedom


class FirthProblem:
    """Risk sets and standardised independent columns x (n, p), with a fast way to sum over Efron's steps."""

    def __init__(self, sets: RiskSets, x: Floats) -> None:
        """Lay out the risk set of each of Efron's steps as a matrix (events, n) where that is small enough."""
        self.sets, self.x, self.p = sets, x, x.shape[1]
        self.dense: Floats | None = None
        if sets.n_event * len(x) <= DENSE_CELLS:
            k = sets.tie_index[:, None]
            inside = (sets.first[None, :] <= k) & (k < sets.last[None, :])
            dying = np.full(len(x), -1)
            dying[sets.death_row] = sets.death_index
            self.dense = inside - sets.tie_fraction[:, None] * (dying[None, :] == k)

    def step_sums(self, columns: Floats) -> Floats:
        """Sum columns (n, c) over those in the risk set of each step, shape (events, c)."""
        if self.dense is not None:
            return self.dense @ columns
        return np.column_stack([self._step_sum(column) for column in columns.T])

    def _step_sum(self, column: Floats) -> Floats:
        """Sum one column over the risk set of each step."""
        sets = self.sets
        at_risk, dying = sum_at_risk(sets, column), sum_dying(sets, column)
        total: Floats = at_risk[sets.tie_index] - sets.tie_fraction * dying[sets.tie_index]
        return total


@dataclass(frozen=True)
class Penalised:
    """A point of the penalised likelihood: its value, gradient (p,) and the plain evaluation there."""

    beta: Floats
    value: float
    gradient: Floats
    evaluation: Evaluation


@dataclass(frozen=True)
class FirthFit:
    """A certified penalised maximum, for standardised columns; limits and p values by profile likelihood."""

    beta: Floats
    evaluation: Evaluation
    log_likelihood: float
    log_likelihood_null: float
    lower: Floats
    upper: Floats
    p_value: Floats
    note: str


def penalised(problem: FirthProblem, beta: Floats) -> Penalised | None:
    """Evaluate the penalised likelihood; None where it cannot be computed."""
    found = evaluate(problem.sets, problem.x, beta)
    if found is None:
        return None
    sign, log_determinant = np.linalg.slogdet(found.information)
    if sign <= 0 or not np.isfinite(log_determinant):
        return None
    inverse = np.asarray(np.linalg.inv(found.information), dtype=np.float64)
    gradient: Floats = found.score + _penalty_gradient(problem, found, inverse)
    if not np.all(np.isfinite(gradient)):
        return None
    return Penalised(beta, found.log_likelihood + log_determinant / 2, gradient, found)


def _penalty_gradient(problem: FirthProblem, found: Evaluation, inverse: Floats) -> Floats:
    """Differentiate half the log determinant of the information.

    Component j is half the trace of inverse * dI/dbeta_j. Written with the quadratic form q = x' inverse x,
    the trace is a sum over Efron's steps of third central moments, which need E[x], E[xx'], E[q], E[q x].
    """
    x, p = problem.x, problem.p
    form = np.einsum("ij,ij->i", x @ inverse, x)[:, None]
    a, b = np.triu_indices(p)
    columns = np.hstack([np.ones((len(x), 1)), x, x[:, a] * x[:, b], form, form * x])
    sums = problem.step_sums((found.risk(x) * problem.sets.count)[:, None] * columns)
    mean, pairs, form_mean, form_x = np.split(
        sums[:, 1:] / sums[:, :1], [p, p + len(a), p + len(a) + 1], axis=1
    )
    second = np.empty((len(mean), p, p))
    second[:, a, b] = second[:, b, a] = pairs
    pulled = mean @ inverse
    length = np.einsum("ij,ij->i", pulled, mean)[:, None]
    third = form_x - mean * form_mean - 2 * (np.einsum("ei,eij->ej", pulled, second) - length * mean)
    return np.asarray(third.sum(axis=0) / 2, dtype=np.float64)


def climb(problem: FirthProblem, beta: Floats, free: Flags, tolerance: float) -> Penalised | None:
    """Maximise over the free coefficients (p,), the others held at `beta`; None when not certified."""
    current = penalised(problem, beta)
    if current is None or not free.any():
        return current
    for iteration in range(MAX_ITERATIONS):
        spread = np.sqrt(np.diag(current.evaluation.information)[free])
        if float(np.max(np.abs(current.gradient[free]) / spread)) <= tolerance:
            return current
        step = np.zeros(len(beta))
        step[free] = _direction(problem, current, free, iteration)
        step *= min(1.0, LARGEST_STEP / float(np.max(np.abs(step))))
        better = _halve(problem, current, step)
        if better is None:
            return None
        current = better
    return None


def _direction(problem: FirthProblem, current: Penalised, free: Flags, iteration: int) -> Floats:
    """Give the step in the free coefficients.

    First by the information (Heinze & Schemper), which can swing about the maximum for ever; from the third
    iteration by the curvature of the penalised likelihood itself, where that bends downwards.
    """
    information = current.evaluation.information[np.ix_(free, free)]
    slope = current.gradient[free]
    curvature = _curvature(problem, current, free) if iteration >= 2 else None
    if curvature is not None:
        try:
            np.linalg.cholesky(curvature)
            return np.asarray(np.linalg.solve(curvature, slope), dtype=np.float64)
        except np.linalg.LinAlgError:
            pass
    return np.asarray(np.linalg.solve(information, slope), dtype=np.float64)


def _curvature(problem: FirthProblem, current: Penalised, free: Flags) -> Floats | None:
    """Negative second derivatives in the free coefficients, from differences of the exact gradient."""
    columns = []
    for j in np.flatnonzero(free):
        beta = current.beta.copy()
        beta[j] += DIFFERENCE
        beside = penalised(problem, beta)
        if beside is None:
            return None
        columns.append((current.gradient - beside.gradient)[free] / DIFFERENCE)
    matrix = np.column_stack(columns)
    return np.asarray((matrix + matrix.T) / 2, dtype=np.float64)


def _halve(problem: FirthProblem, current: Penalised, step: Floats) -> Penalised | None:
    """Take the largest of step, step/2 ... that does not lower the penalised likelihood."""
    slack = 1e-12 * abs(current.value)
    for _ in range(30):
        found = penalised(problem, current.beta + step)
        if found is not None and found.value >= current.value - slack:
            return found
        step = step / 2
    return None


def fit_firth(sets: RiskSets, x: Floats, limits: bool = True) -> FirthFit | None:
    """Maximise the penalised likelihood and profile every coefficient; None when not certified.

    x (n, p): standardised independent columns. A limit that the profile does not reach is infinite; without `limits`
    none is looked for, and all are NaN.
    """
    p = x.shape[1]
    problem = FirthProblem(sets, x)
    null = penalised(problem, np.zeros(p))
    best = climb(problem, np.zeros(p), np.ones(p, dtype=bool), SCORE_TOLERANCE)
    if null is None or best is None:
        return None
    lower, upper, p_value = np.full(p, np.nan), np.full(p, np.nan), np.full(p, np.nan)
    for j in range(p):
        p_value[j] = _profile_p(problem, best, j)
        if limits:
            lower[j] = _profile_limit(problem, best, j, -1.0)
            upper[j] = _profile_limit(problem, best, j, 1.0)
    lost = int(np.isinf(lower).sum() + np.isinf(upper).sum())
    note = f"{lost} profile-likelihood limits are infinite." if lost else ""
    return FirthFit(best.beta, best.evaluation, best.value, null.value, lower, upper, p_value, note)


def _profile(problem: FirthProblem, start: Floats, j: int, value: float) -> Penalised | None:
    """Maximise over all coefficients but the j-th, which is held at `value`."""
    beta = start.copy()
    beta[j] = value
    return climb(problem, beta, np.arange(len(beta)) != j, PROFILE_TOLERANCE)


def _profile_p(problem: FirthProblem, best: Penalised, j: int) -> float:
    """Penalised likelihood-ratio p value of one coefficient."""
    from scipy.special import erfc

    without = _profile(problem, best.beta, j, 0.0)
    if without is None:
        return float("nan")
    return float(erfc(np.sqrt(max(best.value - without.value, 0.0))))


def _profile_limit(problem: FirthProblem, best: Penalised, j: int, side: float) -> float:
    """Find where twice the profile likelihood has fallen by the 0.95 quantile of chi-square."""
    from scipy.optimize import brentq

    inverse = np.linalg.inv(best.evaluation.information)
    error = float(np.sqrt(inverse[j, j]))
    drift = inverse[:, j] / inverse[j, j]  # how the others move along the profile, nearly
    warm = best.beta

    def height(value: float) -> float:
        """Square roots, whose difference is nearly straight in the coefficient: few steps find its zero."""
        nonlocal warm
        found = _profile(problem, warm + drift * (value - warm[j]), j, value)
        if found is None:
            return -np.inf
        warm = found.beta
        return float(np.sqrt(QUARTER_CHI_SQUARE) - np.sqrt(max(best.value - found.value, 0.0)))

    inner = outer = float(best.beta[j])
    for _ in range(12):
        outer = inner + side * error * 2
        reached = height(outer)
        if not np.isfinite(reached):
            return side * float("inf")
        if reached < 0:
            return float(brentq(height, min(inner, outer), max(inner, outer), xtol=1e-8 * error))
        inner = outer
    return side * float("inf")
