"""How well a growth curve fits: covariance, likelihood, AICc, explained variance.

Belongs here: numbers computed at a solution. Does not belong here: finding it, intervals, result tables.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from registry_pipeline.analysis.growth.least_squares import Problem
from registry_pipeline.analysis.inputs import Floats


def covariance(problem: Problem, estimates: Floats, rss: float) -> Floats:
    """Covariance of the estimates (p, p): residual variance times the inverse of J'J."""
    _, jacobian = problem.fitted(estimates[None, :])
    size = np.sqrt((jacobian[0] ** 2).sum(axis=0))
    scaled = jacobian[0] / size
    variance = rss / (len(problem.months) - len(estimates))
    return np.asarray(np.linalg.pinv(scaled.T @ scaled) * variance / np.outer(size, size))


def likelihood(problem: Problem, rss: float) -> tuple[float, float]:
    """Log likelihood of the diameters in mm, and AICc; NaN for an exact fit or too few lesions."""
    n, k = len(problem.months), problem.form.n_parameters + 1
    if not rss > 1e-26 * float((problem.response**2).sum()):
        return float("nan"), float("nan")
    value = -n / 2 * (np.log(2 * np.pi * rss / n) + 1)
    if problem.error_model == "log":
        value -= float(np.log(problem.diameter).sum())
    aicc = 2 * k - 2 * value + 2 * k * (k + 1) / (n - k - 1) if n > k + 1 else float("nan")
    return float(value), float(aicc)


def r_squared(problem: Problem, estimates: Floats) -> float:
    """Share of the variance of the diameter in mm that the curve explains, whatever the error model."""
    if not np.isfinite(estimates).all():
        return float("nan")
    plain = replace(problem, error_model="additive")
    residual = problem.diameter - plain.fitted(estimates[None, :])[0][0]
    total = float(((problem.diameter - problem.diameter.mean()) ** 2).sum())
    return 1 - float(residual @ residual) / total if total > 0 else float("nan")
