"""Batched least squares for the growth curves, and the certificate that a solution is an optimum.

Belongs here: one Levenberg-Marquardt for many starts, fixed values or bootstrap weights at once.
Does not belong here: which starts to take, intervals, result tables.

A solution is certified when the residuals are orthogonal to the tangent plane (cosine below 1e-7) and
the Hessian of the sum of squares is positive definite (Bates and Watts 1988, ch. 2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from registry_pipeline.analysis.growth.forms import Form, diameter
from registry_pipeline.analysis.growth.lesions import MANY_LESIONS
from registry_pipeline.analysis.inputs import Floats

COSINE_LIMIT = 1e-7
PATIENCE = 60  # steps after which a start may be given up
NEWTON_STEPS = 10
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Problem:
    """Diameters (mm) at months, a form, an error model ('additive' or 'log') and a threshold (mm).

    count: how many lesions each reading stands for, None for one. within: the sum of squares of what was
    pooled, which no curve can explain.
    """

    form: Form
    error_model: str
    months: Floats
    diameter: Floats
    threshold: float
    count: Floats | None = None
    within: float = 0.0

    @cached_property
    def pooled(self) -> Problem:
        """The same least squares from the mean response of each distinct month, for many lesions.

        A sum of squares about a curve of the month is that of the means plus that within months.
        """
        if len(self.months) < MANY_LESIONS:
            return self
        months, at = np.unique(self.months, return_inverse=True)
        count = np.bincount(at).astype(np.float64)
        mean = np.bincount(at, weights=self.response) / count
        within = float(((self.response - mean[at]) ** 2).sum())
        diameter = np.exp(mean) if self.error_model == "log" else mean
        return replace(self, months=months, diameter=diameter, count=count, within=within)

    def weights(self, rows: int) -> Floats:
        """The weight of each reading, once for each of some rows of parameters."""
        count = np.ones(len(self.months)) if self.count is None else self.count
        return np.broadcast_to(count, (rows, len(count)))

    @property
    def response(self) -> Floats:
        """What the residuals are taken of."""
        return np.log(self.diameter) if self.error_model == "log" else self.diameter

    def fitted(self, parameters: Floats) -> tuple[Floats, Floats]:
        """Fitted response (B, n) and its derivatives (B, n, p)."""
        d, jacobian = diameter(self.form, self.months, parameters, self.threshold)
        if self.error_model == "additive":
            return d, jacobian
        with np.errstate(all="ignore"):
            return np.log(d), jacobian / d[:, :, None]


@dataclass(frozen=True)
class Solution:
    """parameters (B, p), rss (B,), cosine (B,): the largest cosine of residual and tangent."""

    parameters: Floats
    rss: Floats
    cosine: Floats

    @property
    def converged(self) -> Bools:
        """Whether the gradient of each is zero for practical purposes."""
        return np.asarray(np.isfinite(self.rss) & (self.cosine <= COSINE_LIMIT))


@dataclass
class _State:
    parameters: Floats
    rss: Floats
    normal: Floats
    gradient: Floats
    cosine: Floats


def _evaluate(problem: Problem, parameters: Floats, weights: Floats, free: Bools) -> _State:
    fitted, jacobian = problem.fitted(parameters)
    with np.errstate(all="ignore"):
        residual = problem.response[None, :] - fitted
        rss = (weights * residual**2).sum(axis=1) + problem.within
        if not free.all():
            jacobian = jacobian * free
        good = np.isfinite(rss) & np.isfinite(jacobian).all(axis=(1, 2))
        if not good.all():
            residual, jacobian = (
                np.where(good[:, None], residual, 0),
                np.where(good[:, None, None], jacobian, 0),
            )
        weighted = jacobian * weights[:, :, None]
        gradient = np.matmul(residual[:, None, :], weighted)[:, 0]
        normal = np.matmul(weighted.transpose(0, 2, 1), jacobian)
        norms = np.sqrt(np.einsum("bpp->bp", normal) * rss[:, None])
        cosine = np.where(norms > 0, np.abs(gradient) / norms, 0).max(axis=1)
    scale = (weights * problem.response[None, :] ** 2).sum(axis=1)
    cosine = np.where(rss <= 1e-26 * scale, 0.0, cosine)  # an exact fit: the direction is rounding noise
    dead = good & (np.einsum("bpp->bp", normal)[:, free] <= 0).any(axis=1)
    return _State(parameters, np.where(good, rss, np.inf), normal, gradient, np.where(dead, np.inf, cosine))


def _step(state: _State, damping: Floats) -> Floats:
    size = np.sqrt(np.einsum("bpp->bp", state.normal))
    size = np.where(size > 0, size, 1.0)
    scaled = state.normal / (size[:, :, None] * size[:, None, :])
    p = scaled.shape[1]
    scaled = scaled + np.eye(p)[None] * (damping[:, None, None] + 1e-14)
    held = np.einsum("bpp->bp", state.normal) <= 0
    scaled = scaled + np.eye(p)[None] * held[:, :, None]
    with np.errstate(all="ignore"):
        return np.asarray(np.linalg.solve(scaled, (state.gradient / size)[:, :, None])[:, :, 0] / size)


def minimise(
    problem: Problem,
    start: Floats,
    weights: Floats | None = None,
    fixed: tuple[int, ...] = (),
    max_iterations: int = 300,
    damping_at_first: float = 1e-2,
    precision: float = 1e-11,
    patience: int | None = None,
) -> Solution:
    """Minimise the (weighted) residual sum of squares from each start; parameters in `fixed` stay put.

    start (B, p); weights (B, n) or None. damping_at_first: small where the starts are close to their optima.
    precision: the cosine at which a start has arrived. patience: after so many steps a start that lies above one
    that has converged is given up. Starts outside the form's domain end with rss = inf.
    """
    start = np.array(start, dtype=float)
    if weights is None:
        problem = problem.pooled
        weights = problem.weights(len(start))
    free = np.array([i not in fixed for i in range(start.shape[1])])
    state = _evaluate(problem, start, weights, free)
    damping = np.full(len(start), damping_at_first)
    for step in range(max_iterations):
        active = np.isfinite(state.rss) & (state.cosine > precision) & (damping < 1e14)
        if patience is not None and step >= patience:
            active &= state.rss < np.min(state.rss, where=state.cosine <= COSINE_LIMIT, initial=np.inf)
        if not active.any():
            break
        _advance(problem, state, damping, np.flatnonzero(active), weights, free)
    return Solution(state.parameters, state.rss, state.cosine)


def _advance(
    problem: Problem, state: _State, damping: Floats, rows: npt.NDArray[np.intp], weights: Floats, free: Bools
) -> None:
    part = _State(*(getattr(state, f)[rows] for f in ("parameters", "rss", "normal", "gradient", "cosine")))
    trial = _evaluate(problem, part.parameters + _step(part, damping[rows]), weights[rows], free)
    # Near the optimum the sum of squares is flat to rounding: then the gradient decides.
    better = trial.rss < part.rss * (1 - 1e-12)
    level = (trial.rss <= part.rss * (1 + 1e-12)) & (trial.cosine < part.cosine)
    taken = better | level
    for name in ("parameters", "rss", "normal", "gradient", "cosine"):
        getattr(state, name)[rows[taken]] = getattr(trial, name)[taken]
    damping[rows] = np.where(taken, np.maximum(damping[rows] / 8, 1e-12), damping[rows] * 6)


def best(solution: Solution) -> int | None:
    """Index of the lowest sum of squares when that start converged (to 1e-9 relative), else None."""
    if not np.isfinite(solution.rss).any():
        return None
    lowest = float(np.min(solution.rss))
    near = np.flatnonzero((solution.rss <= lowest * (1 + 1e-9)) & solution.converged)
    return int(near[np.argmin(solution.rss[near])]) if len(near) else None


def search(problem: Problem, start: Floats, fixed: tuple[int, ...] = ()) -> Solution:
    """The lowest sum of squares from many starts: all of them roughly, and the best with full precision."""
    solution = minimise(problem, np.unique(start, axis=0), fixed=fixed, precision=1e-8, patience=PATIENCE)
    index = best(solution)
    if index is None:
        return solution
    rough = Solution(
        *(getattr(solution, field)[index : index + 1] for field in ("parameters", "rss", "cosine"))
    )
    exact = _settle(problem, rough.parameters[0], fixed)
    is_better = exact.cosine[0] <= rough.cosine[0] and exact.rss[0] <= rough.rss[0] * (1 + 1e-12)
    return exact if is_better else rough


def _settle(problem: Problem, start: Floats, fixed: tuple[int, ...] = ()) -> Solution:
    """The optimum (B = 1) by Newton's method from close to it; not converged where the way is no such valley."""
    at, last = np.array(start), np.inf
    among = np.array([i for i in range(len(at)) if i not in fixed])
    nowhere = Solution(at[None, :], np.array([np.inf]), np.array([np.inf]))
    for _ in range(NEWTON_STEPS):
        shape = shape_at(problem, at)
        if shape is None:
            return nowhere
        scale = shape.size[among]
        slope = shape.gradient[among] / scale
        hessian = shape.hessian[np.ix_(among, among)] / np.outer(scale, scale)
        if np.linalg.eigvalsh(hessian).min() <= 0:
            return nowhere
        if not np.abs(slope).max() < last / 2:  # at the limit of rounding, or not on the way to it
            break
        last = np.abs(slope).max()
        at[among] -= np.linalg.solve(hessian, slope) / scale
    state = _evaluate(problem.pooled, at[None, :], problem.pooled.weights(1), np.isin(range(len(at)), among))
    return Solution(state.parameters, state.rss, state.cosine)


@dataclass(frozen=True)
class Shape:
    """The sum of squares about one vector of parameters: its value, gradient (p,) and Hessian (p, p).

    size (p,): the length of each column of the Jacobian, which is the scale of its parameter.
    """

    rss: float
    gradient: Floats
    hessian: Floats
    size: Floats


def shape_at(problem: Problem, parameters: Floats) -> Shape | None:
    """Value, gradient and, by central differences of the gradient, Hessian; None where one of them is not finite."""
    p, problem = len(parameters), problem.pooled
    weights = problem.weights(2 * p + 1)
    _, jacobian = problem.fitted(parameters[None, :])
    size = np.sqrt((weights[0][:, None] * jacobian[0] ** 2).sum(axis=0))
    if not np.isfinite(size).all() or (size <= 0).any():
        return None
    step = np.diag(1e-5 * np.sqrt((weights[0] * problem.response**2).sum()) / size)
    points = np.concatenate([parameters[None, :], parameters + step, parameters - step])
    state = _evaluate(problem, points, weights, np.ones(p, dtype=bool))
    hessian = (state.gradient[p + 1 :] - state.gradient[1 : p + 1]) / np.diag(step)[:, None]
    if not np.isfinite(state.rss).all() or not np.isfinite(hessian).all():
        return None
    return Shape(float(state.rss[0]), -2 * state.gradient[0], (hessian + hessian.T) / 2, size)


def is_minimum(problem: Problem, parameters: Floats) -> bool:
    """Whether the Hessian of the sum of squares is positive definite."""
    shape = shape_at(problem, parameters)
    if shape is None:
        return False
    return bool(np.linalg.eigvalsh(shape.hessian / np.outer(shape.size, shape.size)).min() > 2e-9)
