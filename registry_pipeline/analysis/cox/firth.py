"""Cox regression with Firth's penalty, for groups without events and few events per variable.

Belongs here: the penalised search, profile-likelihood limits, penalised likelihood-ratio p values.
Does not belong here: unpenalised fits, tables.

Sources: Firth 1993; Heinze & Schemper 2001 (Biometrics 57:114-119). The penalty is half the log determinant
of the information of all coefficients, also where one of them is held fixed; ties by Efron.

A profile costs many fits. What one model may cost is bounded by a count of numbers added up, not by a clock, so that the
same data give the same result: coefficients whose profile is beyond it have Wald limits, and the note says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc

import numpy as np

from registry_pipeline.analysis.cox.likelihood import Evaluation, evaluate
from registry_pipeline.analysis.cox.risk_sets import RiskSets
from registry_pipeline.analysis.distributions import normal_quantile
from registry_pipeline.analysis.inputs import Flags, Floats

SCORE_TOLERANCE = 1e-9
PROFILE_TOLERANCE = 1e-6  # of a score; the profile's height is then known to about its square
MOST_CELLS = 40_000_000  # a few seconds
MAX_ITERATIONS = 100
LARGEST_STEP = 2.0  # standardised units, as a guard against leaving the region where the expansion holds


class CostExceeded(Exception):
    """The bound on what one model may cost is reached."""


class FirthProblem:
    """Risk sets and standardised independent columns x (n, p), with sums over all of Efron's steps at once."""

    def __init__(self, sets: RiskSets, x: Floats, most_cells: float = MOST_CELLS) -> None:
        """Order the rows by the death times at which they leave and enter the risk sets."""
        self.sets, self.x, self.p = sets, x, x.shape[1]
        self.cells_left = most_cells
        times = np.arange(sets.n_time)
        self.by_last = np.argsort(-sets.last, kind="stable")
        self.n_staying = np.searchsorted(-sets.last[self.by_last], -times, side="left")
        self.is_delayed = bool((sets.first > 0).any())
        self.by_first = np.argsort(-sets.first, kind="stable")
        self.n_late = np.searchsorted(-sets.first[self.by_first], -times, side="left")
        self.deaths = sets.death_row[np.argsort(sets.death_index, kind="stable")]
        self.first_death = np.searchsorted(np.sort(sets.death_index), times)

    def step_sums(self, columns: Floats) -> Floats:
        """Sum columns (n, c) over those in the risk set of each step, shape (events, c)."""
        self.cells_left -= columns.size + self.sets.n_event * columns.shape[1]
        if self.cells_left < 0:
            raise CostExceeded
        at_risk = _leading_sums(columns[self.by_last], self.n_staying)
        if self.is_delayed:
            at_risk -= _leading_sums(columns[self.by_first], self.n_late)
        dying = np.add.reduceat(columns[self.deaths], self.first_death, axis=0)
        step = self.sets.tie_index
        total: Floats = at_risk[step] - self.sets.tie_fraction[:, None] * dying[step]
        return total


def _leading_sums(columns: Floats, n: np.ndarray) -> Floats:
    """Sums of the first n (K,) rows of columns (n, c): (K, c)."""
    running = np.concatenate([np.zeros((1, columns.shape[1])), np.cumsum(columns, axis=0)])
    return np.asarray(running[n], dtype=np.float64)


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
    evaluation = evaluate(problem.sets, problem.x, beta)
    if evaluation is None:
        return None
    sign, log_determinant = np.linalg.slogdet(evaluation.information)
    if sign <= 0 or not np.isfinite(log_determinant):
        return None
    inverse = np.asarray(np.linalg.inv(evaluation.information), dtype=np.float64)
    gradient: Floats = evaluation.score + _penalty_gradient(problem, evaluation, inverse)
    if not np.all(np.isfinite(gradient)):
        return None
    return Penalised(beta, evaluation.log_likelihood + log_determinant / 2, gradient, evaluation)


def _penalty_gradient(problem: FirthProblem, evaluation: Evaluation, inverse: Floats) -> Floats:
    """Differentiate half the log determinant of the information.

    Component j is half the trace of inverse * dI/dbeta_j. Written with the quadratic form q = x' inverse x,
    the trace is a sum over Efron's steps of third central moments, which need E[x], E[xx'], E[q], E[q x].
    """
    x, p = problem.x, problem.p
    form = np.einsum("ij,ij->i", x @ inverse, x)[:, None]
    a, b = np.triu_indices(p)
    columns = np.hstack([np.ones((len(x), 1)), x, x[:, a] * x[:, b], form, form * x])
    sums = problem.step_sums((evaluation.risk(x) * problem.sets.count)[:, None] * columns)
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
    """Maximise over the free coefficients (p,), the others held at `beta`; None when not certified.

    Quasi-Newton steps (BFGS) from the information as the first curvature: Heinze and Schemper's steps by the
    information alone can swing about the maximum for ever.
    """
    current = penalised(problem, beta)
    if current is None or not free.any():
        return current
    inverse = _inverse(current, free)
    for _ in range(MAX_ITERATIONS):
        slope = current.gradient[free]
        spread = np.sqrt(np.diag(current.evaluation.information)[free])
        if float(np.max(np.abs(slope) / spread)) <= tolerance:
            return current
        step = np.zeros(len(beta))
        step[free] = inverse @ slope
        if slope @ step[free] <= 0:
            inverse = _inverse(current, free)
            step[free] = inverse @ slope
        step *= min(1.0, LARGEST_STEP / float(np.max(np.abs(step))))
        better = _halve(problem, current, step)
        if better is None:
            return None
        inverse = _updated(inverse, (better.beta - current.beta)[free], slope - better.gradient[free])
        current = better
    return None


def _inverse(current: Penalised, free: Flags) -> Floats:
    """The inverse of the information in the free coefficients."""
    return np.asarray(np.linalg.inv(current.evaluation.information[np.ix_(free, free)]), dtype=np.float64)


def _updated(inverse: Floats, step: Floats, change: Floats) -> Floats:
    """The inverse curvature after a step (p,) along which the slope fell by `change` (p,): BFGS."""
    product = float(step @ change)
    if product <= 1e-12 * float(np.linalg.norm(step) * np.linalg.norm(change)):
        return inverse
    left = np.eye(len(step)) - np.outer(step, change) / product
    return np.asarray(left @ inverse @ left.T + np.outer(step, step) / product, dtype=np.float64)


def _halve(problem: FirthProblem, current: Penalised, step: Floats) -> Penalised | None:
    """Take the largest of step, step/2 ... that does not lower the penalised likelihood."""
    slack = 1e-12 * abs(current.value)
    for _ in range(30):
        candidate = penalised(problem, current.beta + step)
        if candidate is not None and candidate.value >= current.value - slack:
            return candidate
        step = step / 2
    return None


def fit_firth(sets: RiskSets, x: Floats, limits: bool = True, level: float = 0.95) -> FirthFit | str:
    """Maximise the penalised likelihood and profile every coefficient; a sentence when there is no certified fit.

    x (n, p): standardised independent columns. A limit that the profile does not reach is infinite; without `limits`
    none is looked for, and all are NaN. Coefficients whose profile would cost too much have Wald limits and p values.
    """
    p = x.shape[1]
    problem = FirthProblem(sets, x)
    try:
        null = penalised(problem, np.zeros(p))
        best = climb(problem, np.zeros(p), np.ones(p, dtype=bool), SCORE_TOLERANCE)
    except CostExceeded:
        return (
            f"A penalised fit of {p} coefficients to so many patients is beyond its bound; use fewer levels."
        )
    if null is None or best is None:
        return "The penalised search did not end in a certified solution."
    lower, upper, p_value = np.full(p, np.nan), np.full(p, np.nan), np.full(p, np.nan)
    n_profiled = p
    for j in range(p):
        try:
            p_value[j] = _profile_p(problem, best, j)
            if limits:
                lower[j] = _profile_limit(problem, best, j, -1.0, level)
                upper[j] = _profile_limit(problem, best, j, 1.0, level)
        except CostExceeded:
            n_profiled = j
            break
    _wald_limits(best, slice(n_profiled, p), (lower, upper, p_value), limits, level)
    lost = int(np.isinf(lower).sum() + np.isinf(upper).sum())
    notes = [f"{lost} profile-likelihood limits are infinite."] if lost else []
    if n_profiled < p:
        notes.append(
            f"Limits and p values of {p - n_profiled} of {p} coefficients are Wald's: their profiles would cost too much."
        )
    return FirthFit(
        best.beta, best.evaluation, best.value, null.value, lower, upper, p_value, " ".join(notes)
    )


def _wald_limits(
    best: Penalised, terms: slice, columns: tuple[Floats, Floats, Floats], limits: bool, level: float
) -> None:
    """Fill in limits and p values of some terms from the information."""
    lower, upper, p_value = columns
    error = np.sqrt(np.diag(np.linalg.inv(best.evaluation.information)))[terms]
    beta = best.beta[terms]
    p_value[terms] = [erfc(ratio) for ratio in np.abs(beta) / error / np.sqrt(2)]
    if limits:
        half = normal_quantile(level) * error
        lower[terms], upper[terms] = beta - half, beta + half


def _profile(problem: FirthProblem, start: Floats, j: int, value: float) -> Penalised | None:
    """Maximise over all coefficients but the j-th, which is held at `value`."""
    beta = start.copy()
    beta[j] = value
    return climb(problem, beta, np.arange(len(beta)) != j, PROFILE_TOLERANCE)


def _profile_p(problem: FirthProblem, best: Penalised, j: int) -> float:
    """Penalised likelihood-ratio p value of one coefficient."""
    without = _profile(problem, best.beta, j, 0.0)
    if without is None:
        return float("nan")
    return erfc(float(np.sqrt(max(best.value - without.value, 0.0))))


def _profile_limit(problem: FirthProblem, best: Penalised, j: int, side: float, level: float) -> float:
    """Find where twice the profile likelihood has fallen by the quantile of chi-square."""
    from scipy.optimize import brentq

    half_quantile = normal_quantile(level) ** 2 / 2
    inverse = np.linalg.inv(best.evaluation.information)
    error = float(np.sqrt(inverse[j, j]))
    drift = inverse[:, j] / inverse[j, j]  # how the others move along the profile, nearly
    warm = best.beta

    def height(value: float) -> float:
        """Square roots, whose difference is nearly straight in the coefficient: few steps find its zero."""
        nonlocal warm
        profile = _profile(problem, warm + drift * (value - warm[j]), j, value)
        if profile is None:
            return -np.inf
        warm = profile.beta
        return float(np.sqrt(half_quantile) - np.sqrt(max(best.value - profile.value, 0.0)))

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
