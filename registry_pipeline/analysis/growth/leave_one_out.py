"""What one patient does to the months to the threshold: the fit without her lesions, and with one lesion more.

Belongs here: refits without patients, their cheap approximation, the bound on what they cost.
Does not belong here: the fit itself (fit.py), influence as a table (sensitivity.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from registry_pipeline.analysis.growth.fit import GrowthFit
from registry_pipeline.analysis.growth.forms import FORMS
from registry_pipeline.analysis.growth.least_squares import Problem, minimise
from registry_pipeline.analysis.growth.lesions import Lesions
from registry_pipeline.analysis.inputs import Flags, Floats, Ints

MOST_REFITS = 100
MOST_CELLS = 1_000_000
"""Lesions of all refits together: below a second."""


@dataclass(frozen=True)
class WithoutEach:
    """The months to the threshold without the lesions of each of some patients.

    Attributes:
        months: one per patient; NaN where the fit without her is not certified or lies above the threshold at month 0.
        is_refit: whether it was fitted; else one Gauss-Newton step from the full solution stands in.
        standard_error: of the months by the jackknife over all patients.
    """

    months: Floats
    is_refit: Flags
    standard_error: float


def growth_problem(fit: GrowthFit, lesions: Lesions) -> Problem:
    """The least squares behind a fit."""
    return Problem(FORMS[fit.model], fit.error_model, lesions.months, lesions.diameter, fit.threshold_mm)


def months_of(fit: GrowthFit, parameters: Floats) -> Floats:
    """The months to the threshold of parameters (B, p); NaN where the curve lies above it at month 0."""
    months = np.exp(parameters[:, 0]) if FORMS[fit.model].log_time else parameters[:, 0]
    return np.where(months < 0, np.nan, months)


def refits_without(fit: GrowthFit, lesions: Lesions, patients: Ints, start: Floats) -> tuple[Floats, Flags]:
    """Parameters (B, p) without the lesions of each of some patients, and which of them are certified.

    Args:
        patients: their codes in ``lesions.patient``.
        start: parameters (B, p) where the searches begin.
    """
    assert lesions.patient is not None
    weights = (lesions.patient[None, :] != patients[:, None]).astype(np.float64)
    solutions = minimise(growth_problem(fit, lesions), start, weights)
    return solutions.parameters, np.asarray(solutions.converged & (solutions.parameters[:, 1] > 0))


def months_without_each(
    fit: GrowthFit, lesions: Lesions, patients: Ints, most_refits: int = MOST_REFITS
) -> WithoutEach | None:
    """The months to the threshold without each of some patients; None without a certified fit or a second patient.

    Args:
        lesions: those that were fitted, with their patients.
        patients: codes in ``lesions.patient``.
        most_refits: so many patients, those of the largest approximate change, are fitted without; fewer where lesions
            are many.
    """
    now = months_of(fit, fit.estimates[None, :])[0]
    if not np.isfinite(now) or lesions.patient is None or (lesions.n_patients or 0) < 2:
        return None
    stepped = _stepped(fit, lesions)
    approximate = months_of(fit, stepped)
    estimable = approximate[np.isfinite(approximate)]
    error = float(
        np.sqrt((len(estimable) - 1) / max(len(estimable), 1) * ((estimable - estimable.mean()) ** 2).sum())
    )
    months, is_refit = approximate[patients], np.zeros(len(patients), dtype=bool)
    change = np.nan_to_num(np.abs(months - now), nan=np.inf)
    chosen = np.argsort(-change, kind="stable")[: min(most_refits, MOST_CELLS // max(lesions.n, 1))]
    start = np.where(np.isfinite(stepped), stepped, fit.estimates)[patients[chosen]]
    parameters, is_certified = refits_without(fit, lesions, patients[chosen], start)
    months[chosen] = np.where(is_certified, months_of(fit, parameters), np.nan)
    is_refit[chosen] = True
    return WithoutEach(months, is_refit, error)


def months_with_one_more(fit: GrowthFit, lesions: Lesions) -> tuple[float, float] | None:
    """The fewest and the most months that one more lesion makes; None without a certified fit.

    It is thought to have one of the intervals and one of the diameters of the data: the shortest, middle or longest,
    the smallest or largest.
    """
    now = months_of(fit, fit.estimates[None, :])[0]
    if not np.isfinite(now):
        return None
    values = [float(now)]
    for month in np.unique(np.quantile(lesions.months, [0.0, 0.5, 1.0])):
        for size in (lesions.diameter.min(), lesions.diameter.max()):
            more = replace(
                growth_problem(fit, lesions),
                months=np.append(lesions.months, month),
                diameter=np.append(lesions.diameter, size),
            )
            solution = minimise(more, fit.estimates[None, :])
            if solution.converged[0] and solution.parameters[0, 1] > 0:
                values += [float(months_of(fit, solution.parameters)[0])]
    estimable = [value for value in values if np.isfinite(value)]
    return min(estimable), max(estimable)


def _stepped(fit: GrowthFit, lesions: Lesions) -> Floats:
    """Parameters without each patient by one Gauss-Newton step from the full solution, (patients, p).

    Without her the gradient there is minus her own part of it, and the normal matrix lacks hers (Cook & Weisberg 1982,
    5.2).
    """
    assert lesions.patient is not None
    problem = growth_problem(fit, lesions)
    fitted, jacobian = problem.fitted(fit.estimates[None, :])
    residual, slope = problem.response - fitted[0], jacobian[0]
    n, p = lesions.n_patients or 0, slope.shape[1]
    own, gradient = np.zeros((n, p, p)), np.zeros((n, p))
    np.add.at(own, lesions.patient, slope[:, :, None] * slope[:, None, :])
    np.add.at(gradient, lesions.patient, slope * residual[:, None])
    normal = own.sum(axis=0)[None] - own
    size = np.sqrt(np.maximum(np.einsum("bpp->bp", normal), 1e-300))
    scaled = normal / (size[:, :, None] * size[:, None, :])
    solvable = np.linalg.eigvalsh(scaled).min(axis=1) > 1e-10
    step = np.full((n, p), np.nan)
    part = np.linalg.solve(scaled[solvable], (gradient / size)[solvable][:, :, None])[:, :, 0]
    step[solvable] = -part / size[solvable]
    return np.asarray(fit.estimates + step, dtype=np.float64)
