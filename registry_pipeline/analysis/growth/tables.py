"""Rows of result.growth_fit and result.growth_threshold from an estimate.

Belongs here: column names, units and derived quantities (plateau, diameter at zero, doubling time).
Does not belong here: fitting and intervals.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from registry_pipeline.analysis.growth.forms import (
    diameter,
    plateau,
    specific_rate,
    volume_doubling_days,
)
from registry_pipeline.analysis.growth.least_squares import Problem
from registry_pipeline.analysis.inputs import Floats


def parameter_rows(
    problem: Problem, estimates: Floats, covariance: Floats, has_plateau: bool
) -> pd.DataFrame:
    """One row per parameter: t* in months, the form's own, and the derived diameter at zero and plateau (mm).

    A t* before the last negative CT means nothing and is not given. Standard errors of derived quantities are by the delta method with central differences; that of t*
    in the power form is t* times that of log t*, which is exact.
    """
    form, T = problem.form, problem.threshold

    def at_zero(theta: Floats) -> float:
        return float(diameter(form, np.array([0.0]), theta[None, :], T)[0][0, 0])

    variance = np.diag(covariance)
    se = np.sqrt(np.where(variance >= 0, variance, np.nan))
    scale = float(np.exp(estimates[0])) if form.log_time else 1.0
    months = scale if form.log_time else float(estimates[0])
    reached = (months, se[0] * scale) if months >= 0 else (float("nan"), float("nan"))
    rows = [("threshold_months", *reached), (form.rate_name, estimates[1], se[1])]
    if form.shape_name:
        rows.append((form.shape_name, estimates[2], se[2]))
        rows.append(
            ("plateau_mm", *_derived(lambda x: plateau(form, x, T), estimates, covariance, has_plateau))
        )
    if not form.log_time:
        rows.append(("diameter_at_zero_mm", *_derived(at_zero, estimates, covariance, True)))
    return pd.DataFrame(rows, columns=["parameter", "estimate", "standard_error"]).astype(
        {"estimate": float, "standard_error": float}
    )


def _derived(
    function: Callable[[Floats], float], estimates: Floats, covariance: Floats, reported: bool
) -> tuple[float, float]:
    if not reported or not np.isfinite(estimates).all():
        return float("nan"), float("nan")
    value = function(estimates)
    steps = np.maximum(np.sqrt(np.diag(covariance)) * 1e-4, 1e-12)
    with np.errstate(all="ignore"):
        gradient = np.array(
            [
                (function(estimates + shift) - function(estimates - shift)) / (2 * step)
                for step, shift in zip(steps, np.diag(steps), strict=True)
            ]
        )
        error = float(np.sqrt(gradient @ covariance @ gradient))
    return (value, error) if np.isfinite(value) else (float("nan"), float("nan"))


def threshold_row(
    problem: Problem, estimates: Floats, bounds: Floats, method: str, n_bootstrap: int, n_failed: int
) -> dict[str, object]:
    """One result.growth_threshold row. is_extrapolated: t* lies outside the observed intervals.

    A curve above the threshold already at the last negative CT (t* < 0) has no months: status not_estimable. A lower
    limit before it is 0. implied_doubling_days: volume doubling time of a sphere at the moment it reaches the threshold.
    bounds are on the parametrisation's scale (log for the power form).
    """
    form, is_fitted = problem.form, bool(np.isfinite(estimates[0]))
    with np.errstate(all="ignore"):
        months, lower, upper = (np.exp if form.log_time else np.asarray)(
            np.array([estimates[0], bounds[0], bounds[1]])
        )
        doubling = (
            volume_doubling_days(specific_rate(form, estimates, problem.threshold)) if is_fitted else np.nan
        )
    if months < 0:
        months = lower = upper = doubling = np.nan
        is_fitted = False
    outside = bool(months < problem.months.min() or months > problem.months.max()) if is_fitted else None
    return {
        "threshold_mm": problem.threshold,
        "months": float(months),
        "ci_lower": float(np.maximum(lower, 0.0)),
        "ci_upper": float(upper),
        "ci_method": method,
        "is_extrapolated": outside,
        "implied_doubling_days": float(doubling),
        "n_bootstrap": n_bootstrap,
        "n_bootstrap_failed": n_failed,
    }
