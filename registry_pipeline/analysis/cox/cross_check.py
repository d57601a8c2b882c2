"""A second implementation beside ours: statsmodels, asked whether it sees the same maximum.

Belongs here: another library's likelihood and score at our solution, and the wording of how far they agree.
Does not belong here: anything reported as an estimate.
"""

from __future__ import annotations

import warnings

import numpy as np

from registry_pipeline.analysis.cox.design import CoxData
from registry_pipeline.analysis.inputs import Floats
from registry_pipeline.core.native_panics import panics_as_exceptions

MAX_ROWS = 100_000
AGREEMENT = 1e-3  # in standard errors


def cross_check_note(
    data: CoxData, x: Floats, beta: Floats, covariance: Floats, log_likelihood: float
) -> str:
    """Compare a fit with statsmodels; an empty text when both agree to 1e-3 standard errors.

    x (n, q): standardised independent columns; beta (q,), covariance (q, q): ours for them. The likelihood has one
    maximum: the Newton step from our solution by the other's score is how far away the other sees it.
    """
    if data.is_weighted:
        return "No second implementation looked at this fit: it has case weights."
    if data.n > MAX_ROWS:
        return f"More than {MAX_ROWS:,} rows: no second implementation looked at this fit."
    try:
        with panics_as_exceptions():
            score, other_likelihood = _statsmodels(data, x, beta)
    except Exception as problem:
        # Whatever the other library raises is its opinion of the data, not a failure of ours.
        return f"The second implementation (statsmodels) did not fit this model ({type(problem).__name__})."
    step = np.abs(covariance @ score) / np.sqrt(np.diag(covariance))
    distance = float(np.max(step, initial=0.0))
    is_same_height = abs(other_likelihood - log_likelihood) <= 1e-8 * max(1.0, abs(log_likelihood))
    if distance <= AGREEMENT and is_same_height:
        return ""
    if not is_same_height:
        gap = other_likelihood - log_likelihood
        return f"The second implementation (statsmodels) has a log-likelihood that differs by {gap:.3g}."
    return f"The second implementation (statsmodels) sees the maximum {distance:.2g} standard errors away."


def _statsmodels(data: CoxData, x: Floats, beta: Floats) -> tuple[Floats, float]:
    """Score (q,) and log-likelihood at beta; rows that stand for several patients are repeated."""
    from statsmodels.duration.hazard_regression import PHReg

    copies = np.repeat(np.arange(len(data.row)), data.count.astype(np.int64))
    times = data.times.take(copies)
    strata = data.stratum[copies] if data.stratum.any() else None
    # statsmodels counts who enters on the day of a death as at risk for it; we, as R, do not.
    entry = None if times.entry is None else np.nextafter(times.entry, np.inf)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        model = PHReg(times.duration, x[copies], status=times.event, entry=entry, strata=strata, ties="efron")
        return np.asarray(model.score(beta), dtype=np.float64), float(model.loglike(beta))
