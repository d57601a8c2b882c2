"""A fitted growth curve over the interval, with the uncertainty of the curve and the scatter of lesions.

Belongs here: rows of result.growth_curve. Does not belong here: the fit (growth.py), drawing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.distributions import normal_quantile
from registry_pipeline.analysis.growth.fit import GrowthFit
from registry_pipeline.analysis.growth.forms import FORMS, diameter
from registry_pipeline.analysis.growth.intervals import bootstrap_limits
from registry_pipeline.analysis.inputs import Floats

COLUMNS = [
    "model", "error_model", "months_since_negative_ct", "diameter_mm", "ci_lower", "ci_upper",
    "scatter_lower", "scatter_upper", "band_method", "is_extrapolated", "n_lesions", "n_patients",
]  # fmt: skip


@checked
def growth_curve(fit: GrowthFit, last_months: float, n_points: int = 61, level: float = 0.95) -> pd.DataFrame:
    """The fitted mean diameter (mm) from 0 to last_months; no rows unless the fit is certified and 'ok'.

    ci_lower, ci_upper: band of `level` of the curve itself, expanded percentiles over the fit's bootstrap of patients where
    it has at least 100 replicates ('cluster_bootstrap'), else the delta method ('delta'). scatter_lower,
    scatter_upper: where about that share of lesions lie if the curve is right (residual standard deviation).
    is_extrapolated: outside the observed intervals. The power form starts above month 0.
    """
    form = FORMS[fit.model]
    if fit.status != "ok" or not last_months > 0:
        return pd.DataFrame(columns=COLUMNS)
    first = last_months / (n_points - 1) if form.log_time else 0.0
    months = np.linspace(first, last_months, n_points)
    size = _size(fit, fit.estimates[None, :], months)[0]
    lower, upper, method = _band(fit, months, size, level)
    spread = normal_quantile(level) * fit.residual_sd
    factor = np.exp(spread)
    scatter = (size / factor, size * factor) if fit.error_model == "log" else (size - spread, size + spread)
    low, high = fit.observed_months
    counts = [fit.parameters[name].iloc[0] for name in ("n_lesions", "n_patients")]
    columns = [fit.model, fit.error_model, months, size, lower, upper, *scatter, method]
    values = [*columns, (months < low) | (months > high), *counts]
    return pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))


def _size(fit: GrowthFit, estimates: Floats, months: Floats) -> Floats:
    """Diameters (rows of estimates, months)."""
    return np.asarray(diameter(FORMS[fit.model], months, estimates, fit.threshold_mm)[0])


def _band(fit: GrowthFit, months: Floats, size: Floats, level: float) -> tuple[Floats, Floats, str]:
    """Pointwise limits of the mean curve, and how they were made."""
    if len(usable := fit.usable_draws):
        n_patients = int(fit.parameters["n_patients"].iloc[0])
        lower, upper = bootstrap_limits(_size(fit, usable, months), level, n_patients)
        return lower, upper, "cluster_bootstrap"
    steps = np.maximum(np.sqrt(np.diag(fit.covariance)) * 1e-4, 1e-12)
    shifted = np.array(
        [
            (
                _size(fit, (fit.estimates + e)[None, :], months)
                - _size(fit, (fit.estimates - e)[None, :], months)
            )[0]
            / (2 * step)
            for step, e in zip(steps, np.diag(steps), strict=True)
        ]
    )
    half = normal_quantile(level) * np.sqrt(np.einsum("im,ij,jm->m", shifted, fit.covariance, shifted))
    return size - half, size + half, "delta"
