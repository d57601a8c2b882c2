"""Confidence intervals of the threshold time: profile likelihood and bootstrap over patients.

Belongs here: intervals of the first parameter (t*) of a fitted growth curve.
Does not belong here: the fit itself, other parameters, result tables.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from registry_pipeline.analysis.growth_data import Floats
from registry_pipeline.analysis.growth_solver import Problem, minimise

_OFFSETS = 0.2 * 1.3 ** np.arange(28)  # in standard errors, to about 240 of them
_MAX_FAILED_SHARE = 0.1


def profile_interval(problem: Problem, estimate: Floats, rss: float, se: float, level: float) -> Floats:
    """Profile-likelihood interval of t*, on the scale of the parametrisation (log for the power form).

    The bound is where the residual sum of squares, minimised over the other parameters, exceeds its
    minimum by t(level, n - p)^2 residual variances (Bates and Watts 1988, 6.1): exact for a linear
    model. A side without such a point has no bound: NaN.
    """
    from scipy.stats import t as student

    freedom = len(problem.months) - problem.form.n_parameters
    limit = rss * (1 + float(student.ppf((1 + level) / 2, freedom)) ** 2 / freedom)
    return np.array([_bound(problem, estimate, se, limit, side) for side in (-1.0, 1.0)])


def _profile(problem: Problem, anchor: Floats, times: Floats) -> Floats:
    start = np.tile(anchor, (len(times), 1))
    start[:, 0] = times
    found = minimise(problem, start, fixed=(0,))
    return np.where(found.converged, found.rss, np.nan)


def _bound(problem: Problem, estimate: Floats, se: float, limit: float, side: float) -> float:
    inside, outside, anchor = float(estimate[0]), None, np.array(estimate)
    for offset in _OFFSETS:  # one after the other: each starts from its neighbour's solution
        start = anchor[None, :].copy()
        start[0, 0] = estimate[0] + side * se * offset
        found = minimise(problem, start, fixed=(0,))
        if not found.converged[0]:
            return float("nan")
        anchor = found.parameters[0]
        if found.rss[0] > limit:
            outside = float(anchor[0])
            break
        inside = float(anchor[0])
    if outside is None:
        return float("nan")
    for _ in range(12):
        grid = np.linspace(inside, outside, 9)
        values = _profile(problem, anchor, grid[1:-1])
        if np.isnan(values).any():
            return float("nan")
        above = int(np.argmax(np.append(values > limit, True)))
        inside, outside = float(grid[above]), float(grid[above + 1])
    return (inside + outside) / 2


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
    found = minimise(problem, np.tile(estimate, (replicates, 1)), weights)
    usable = found.converged & (found.parameters[:, 1] > 0)
    return np.where(usable[:, None], found.parameters, np.nan)


def percentile_interval(draws: Floats, level: float) -> tuple[Floats, int]:
    """Percentile interval and the number of draws without a value; NaN bounds when more than a tenth failed."""
    usable = draws[np.isfinite(draws)]
    failed = len(draws) - len(usable)
    if not len(draws) or failed > _MAX_FAILED_SHARE * len(draws):
        return np.array([np.nan, np.nan]), failed
    return np.quantile(usable, [(1 - level) / 2, (1 + level) / 2]), failed
