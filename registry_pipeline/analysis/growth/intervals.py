"""Confidence intervals of the threshold time: profile likelihood and bootstrap over patients.

Belongs here: intervals of the first parameter (t*) of a fitted growth curve.
Does not belong here: the fit itself, other parameters, result tables.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from registry_pipeline.analysis.distributions import student_quantile
from registry_pipeline.analysis.growth.least_squares import Problem, minimise, shape_at
from registry_pipeline.analysis.inputs import Floats

_OFFSETS = 1.0 * 1.4 ** np.arange(17)  # in standard errors, to about 220 of them
_MOST_STEPS = 20
_MAX_FAILED_SHARE = 0.1
FEW_PATIENTS = 10  # a bootstrap over fewer clusters is not to be relied on
ONE_PATIENT = "all lesions are of one patient: they cannot tell the spread between patients"


def profile_interval(
    problem: Problem, estimate: Floats, rss: float, covariance: Floats, level: float
) -> Floats:
    """Profile-likelihood interval of t*, on the scale of the parametrisation (log for the power form).

    The bound is where the residual sum of squares, minimised over the other parameters, exceeds its
    minimum by t(level, n - p)^2 residual variances (Bates and Watts 1988, 6.1): exact for a linear
    model. A side without such a point has no bound: NaN.
    """
    freedom = len(problem.months) - problem.form.n_parameters
    reach = float(student_quantile(level, freedom))
    limit, se = rss * (1 + reach**2 / freedom), float(np.sqrt(covariance[0, 0]))
    bounds = []
    for side in (-1.0, 1.0):
        start = estimate + side * reach * covariance[0] / se
        bound = _bound_near(problem, estimate, start, (rss, limit), se, side)
        bounds.append(_bound(problem, estimate, (rss, limit), se, side) if bound is None else bound)
    return np.array(bounds)


def _bound_near(
    problem: Problem, estimate: Floats, start: Floats, heights: tuple[float, float], se: float, side: float
) -> float | None:
    """The bound by Newton's method, from where it would be if the model were linear; None where that fails.

    Solved at once: the sum of squares is at its limit, and its slope along the other parameters is zero.
    """
    at, (rss, limit), last = start, heights, np.inf
    for _ in range(_MOST_STEPS):
        shape = shape_at(problem, at)
        if shape is None:
            return None
        value = np.concatenate([[(shape.rss - limit) / (limit - rss)], shape.gradient[1:] / shape.size[1:]])
        rows = np.vstack([shape.gradient / (limit - rss), shape.hessian[1:] / shape.size[1:, None]])
        if not np.abs(value[0]) < last / 2 or np.linalg.cond(rows / shape.size) > 1e14:
            return None
        step, last = np.linalg.solve(rows / shape.size, value) / shape.size, np.abs(value[0]) + 1e-9
        at = at - step
        if not np.abs(at[0] - estimate[0]) < se * _OFFSETS[-1]:
            return None
        if np.abs(step[0]) < 1e-10 * se and np.abs(shape.rss - limit) < 1e-9 * (limit - rss):
            others = shape.hessian[1:, 1:] / np.outer(shape.size[1:], shape.size[1:])
            is_outside = side * (at[0] - estimate[0]) > 0 and side * shape.gradient[0] > 0
            return float(at[0]) if is_outside and np.linalg.eigvalsh(others).min() > 0 else None
    return None


class _Profile:
    """How far the profile lies above the limit at a given t*, as the root of the excess residual sum of squares.

    That root is nearly straight in t*, so few steps find its zero. Each search starts from the last solution, so the
    height at a time is kept: from elsewhere the search may end on another branch.
    """

    def __init__(self, problem: Problem, estimate: Floats, rss: float, limit: float) -> None:
        self.problem, self.anchor, self.rss = problem, np.array(estimate), rss
        self.height = np.sqrt(limit - rss)
        self.failed = False
        self.heights = {float(estimate[0]): -float(self.height)}

    def __call__(self, time: float) -> float:
        """Give the height above the limit; 0 (which ends the search) and `failed` where nothing converges."""
        if time in self.heights:
            return self.heights[time]
        start = self.anchor[None, :].copy()
        start[0, 0] = time
        # the sum of squares is off by the square of the cosine only
        solution = minimise(self.problem, start, fixed=(0,), damping_at_first=1e-6, precision=1e-9)
        if not solution.converged[0]:
            self.failed = True
            return 0.0
        self.anchor = solution.parameters[0]
        self.heights[time] = float(np.sqrt(max(solution.rss[0] - self.rss, 0.0)) - self.height)
        return self.heights[time]


def _bound(problem: Problem, estimate: Floats, heights: tuple[float, float], se: float, side: float) -> float:
    """Walk outwards until the profile passes the limit, then find where."""
    from scipy.optimize import brentq

    profile, inside = _Profile(problem, estimate, *heights), float(estimate[0])
    for offset in _OFFSETS:
        outside = float(estimate[0]) + side * se * offset
        above = profile(outside)
        if profile.failed:
            return float("nan")
        if above > 0:
            bound = float(brentq(profile, inside, outside, xtol=1e-10 * max(se, 1e-300), rtol=1e-12))
            return float("nan") if profile.failed else bound
        inside = outside
    return float("nan")


def cluster_weights(patient: npt.NDArray[np.intp], replicates: int, seed: int) -> Floats:
    """Bootstrap weights (replicates, n): how often each lesion's patient was drawn, with replacement."""
    n_patients = int(patient.max()) + 1
    draws = np.random.default_rng(seed).multinomial(
        n_patients, np.full(n_patients, 1 / n_patients), size=replicates
    )
    return np.asarray(draws[:, patient], dtype=float)


def bootstrap_parameters(
    problem: Problem, estimate: Floats, patient: npt.NDArray[np.intp], replicates: int, seed: int
) -> Floats:
    """Parameters (replicates, p) of fits to resampled patients, started at the estimate; NaN where none converged."""
    weights = cluster_weights(patient, replicates, seed)
    solution = minimise(problem, np.tile(estimate, (replicates, 1)), weights)
    usable = solution.converged & (solution.parameters[:, 1] > 0)
    return np.where(usable[:, None], solution.parameters, np.nan)


def expanded_tails(level: float, n_clusters: int) -> list[float]:
    """Tail shares at which percentiles of a bootstrap over n_clusters (> 1) have about the coverage `level`.

    Plain percentiles are too narrow by sqrt((n - 1) / n) and take a t distribution for a normal one
    (Hesterberg 2015, American Statistician 69, expanded percentile interval).
    """
    from scipy.special import ndtr

    reach = np.sqrt(n_clusters / (n_clusters - 1)) * student_quantile(level, n_clusters - 1)
    return [float(ndtr(-reach)), float(ndtr(reach))]


def bootstrap_limits(draws: Floats, level: float, n_clusters: int) -> Floats:
    """Expanded percentiles (2, ...) of draws (B, ...), those that are NaN left out.

    The k-th of B draws stands for the share k / (B + 1) (Davison & Hinkley 1997, 2.4): numpy's own rule lies inside
    that and with some hundred draws would cost half a point of coverage.
    """
    tails = expanded_tails(level, n_clusters)
    return quantiles(draws, tails, "weibull")


def quantiles(draws: Floats, shares: list[float], method: Literal["linear", "weibull"] = "linear") -> Floats:
    """Quantiles (shares, ...) of draws (B, ...), those that are NaN left out; NaN where all of them are."""
    flat = draws.reshape(len(draws), -1)
    has_any = ~np.isnan(flat).all(axis=0)
    result = np.full((len(shares), flat.shape[1]), np.nan)
    result[:, has_any] = np.nanquantile(flat[:, has_any], shares, axis=0, method=method)
    return result.reshape(len(shares), *draws.shape[1:])


def percentile_interval(draws: Floats, level: float, n_clusters: int | None) -> tuple[Floats, int]:
    """Expanded percentile interval over n_clusters and the number of draws without a value.

    NaN bounds when more than a tenth of the draws failed, or there are not two clusters.
    """
    usable = draws[np.isfinite(draws)]
    failed = len(draws) - len(usable)
    if not len(draws) or failed > _MAX_FAILED_SHARE * len(draws) or n_clusters is None or n_clusters < 2:
        return np.array([np.nan, np.nan]), failed
    return bootstrap_limits(usable, level, n_clusters), failed


def profile_note(bounds: Floats) -> str:
    """Say which end of a profile interval is not there, or nothing."""
    lost = [end for end, value in zip(("lower", "upper"), bounds, strict=True) if not np.isfinite(value)]
    return f"the data give no {' and no '.join(lost)} limit: the likelihood stays too flat" if lost else ""


def bootstrap_note(n_clusters: int | None, n_drawn: int, n_failed: int) -> str:
    """Say what is wrong with a bootstrap over n_clusters patients, or nothing."""
    if (n_clusters or 0) < 2:
        return "a bootstrap of patients needs two" if n_clusters else ""
    if n_failed > _MAX_FAILED_SHARE * n_drawn:
        return f"{n_failed} of {n_drawn} bootstrap replicates have no fit: no limits"
    if n_clusters is not None and n_clusters < FEW_PATIENTS:
        return f"a bootstrap of {n_clusters} patients is unreliable"
    return ""


def sentences(*parts: str) -> str:
    """The parts that say something, in one note."""
    return "; ".join(part for part in parts if part)
