"""Growth rate when the onset of a lesion is only known to lie between two scans.

Belongs here: the estimate with interval-censored onset as rows of result.growth_fit and
result.growth_threshold, beside those of the plain regression (growth).
Does not belong here: the likelihood and its derivation (onset_likelihood.py); the plain regression;
serial measurements (serial.py).

Estimand. The median growth rate exp(mu) among lesions, and tau = log(T / d0) / exp(mu): the months that a
lesion of median rate needs from the detection limit to the threshold T. The plain regression estimates
another thing, the interval since the last negative CT at which the fitted diameter is T; that interval
holds the lesion-free time too, so it is no growth time. mu is replaced by tau as a parameter, so the
profile interval of tau needs no delta method.

What it assumes: every lesion above d0 is seen at the next CT; the gap between CTs does not depend on
growth (symptom-led CTs break this); exponential growth from d0 on; lesions of a patient independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.growth.forms import volume_doubling_days
from registry_pipeline.analysis.growth.intervals import (
    ONE_PATIENT,
    bootstrap_note,
    cluster_weights,
    percentile_interval,
    profile_note,
    sentences,
)
from registry_pipeline.analysis.growth.lesions import Lesions, exclusion_note, usable_lesions
from registry_pipeline.analysis.growth.onset_likelihood import (
    OnsetData,
    maximise,
    negative_log_likelihood,
    onset_data,
    profile_limits,
    unknown,
)
from registry_pipeline.analysis.inputs import Floats, Frame, counted

MODEL = "exponential_interval_onset"


@dataclass(frozen=True)
class OnsetFit:
    """The fit: parameters and threshold rows as of a GrowthFit.

    estimates: log tau and log sigma, with their covariance; observed_months: shortest and longest interval.
    """

    status: str
    note: str
    parameters: pd.DataFrame
    threshold: pd.DataFrame
    aicc: float
    converged: bool
    detection_limit_mm: float
    threshold_mm: float
    observed_months: tuple[float, float]
    estimates: Floats
    covariance: Floats


@checked
def fit_interval_onset(
    frame: Frame,
    interval_months: str = "months_since_negative_ct",
    diameter_mm: str = "diameter_mm",
    patient: str | None = None,
    threshold_mm: float = 15.0,
    detection_limit_mm: float = 4.0,
    *,
    n_bootstrap: int = 0,
    seed: int = 0,
    level: float = 0.95,
) -> OnsetFit:
    """Maximum likelihood of the median growth rate with the onset interval-censored (see the module).

    Gives result.growth_fit and result.growth_threshold rows, model 'exponential_interval_onset', error
    model 'log'; months is tau, from the detection limit (mm, usually 3 to 5) to threshold_mm.
    n_bootstrap > 0 with `patient` adds a bootstrap over patients (about 3 ms per replicate of 80 lesions). AICc is
    comparable with the plain fits only when no lesion was read at or below the limit; the note counts them.
    Raises ValueError unless 0 < detection_limit_mm < threshold_mm.
    """
    if not 0 < detection_limit_mm < threshold_mm:
        raise ValueError("detection_limit_mm must lie between 0 and threshold_mm")
    lesions = usable_lesions(frame, interval_months, diameter_mm, patient)
    data = onset_data(lesions, detection_limit_mm, threshold_mm, np.ones(lesions.n))
    theta, covariance, status, note = maximise(data)
    is_fitted = bool(np.isfinite(theta).all())
    shared: dict[str, object] = {
        "model": MODEL, "error_model": "log", "n_lesions": lesions.n, "n_patients": lesions.n_patients,
        "status": status, "note": _note(note, lesions, data, detection_limit_mm),
    }  # fmt: skip
    likelihood = -negative_log_likelihood(theta, data) if is_fitted else float("nan")
    aicc = 4 - 2 * likelihood + 12 / (lesions.n - 3) if lesions.n > 3 else float("nan")
    parameters = _parameters(theta, covariance, data.reach).assign(
        **shared,
        aicc=aicc,
        converged=is_fitted,
        residual_sd=np.nan,
        r_squared=np.nan,
        log_likelihood=likelihood,
    )
    observed = (float(lesions.months.min()), float(lesions.months.max())) if is_fitted else (np.nan, np.nan)
    profile = profile_limits(theta, covariance, data, level) if is_fitted else unknown()
    rows = [_row(theta, data.reach, observed, threshold_mm, "profile", profile, 0, 0)]
    notes = [profile_note(profile) if is_fitted else ""]
    if lesions.patient is not None and n_bootstrap > 0:
        draws = _draws(lesions, theta, detection_limit_mm, threshold_mm, n_bootstrap, seed)
        bounds, failed = percentile_interval(draws, level, lesions.n_patients)
        rows.append(_row(theta, data.reach, observed, threshold_mm, "cluster_bootstrap", bounds,
                         len(draws), failed))  # fmt: skip
        notes.append(bootstrap_note(lesions.n_patients, len(draws), failed) if is_fitted else "")
    threshold = pd.DataFrame(rows).assign(**shared)
    threshold["note"] = [sentences(str(shared["note"]), note) for note in notes]
    return OnsetFit(
        status, str(shared["note"]), parameters, threshold, aicc, is_fitted,
        detection_limit_mm, threshold_mm, observed, theta, covariance,
    )  # fmt: skip


def _draws(
    lesions: Lesions, theta: Floats, limit: float, threshold: float, replicates: int, seed: int
) -> Floats:
    """Bootstrap replicates of log tau over patients; none without an estimate or with a single patient."""
    if lesions.patient is None or not np.isfinite(theta).all() or (lesions.n_patients or 0) < 2:
        return np.empty(0)
    weights = cluster_weights(lesions.patient, replicates, seed)
    samples = (onset_data(lesions, limit, threshold, w) for w in weights)
    return np.array([maximise(sample, theta)[0][0] for sample in samples])


def _note(note: str, lesions: Lesions, data: OnsetData, limit: float) -> str:
    parts = [
        note,
        ONE_PATIENT if not note and lesions.n_patients == 1 else "",
        exclusion_note(lesions),
        f"months of a lesion of median rate from the detection limit, {limit:g} mm",
    ]
    if len(data.censored_rate):
        n = int(data.censored_weight.sum())
        parts.append(f"{counted(n, 'lesion')} read at or below it {'enters' if n == 1 else 'enter'} as such")
    return sentences(*parts)


def _row(
    theta: Floats,
    reach: float,
    observed: tuple[float, float],
    threshold_mm: float,
    method: str,
    bounds: Floats,
    n_bootstrap: int,
    n_failed: int,
) -> dict[str, object]:
    tau, is_fitted = float(np.exp(theta[0])), bool(np.isfinite(theta[0]))
    return {
        "threshold_mm": float(threshold_mm),
        "months": tau,
        "ci_lower": float(np.exp(bounds[0])),
        "ci_upper": float(np.exp(bounds[1])),
        "ci_method": method,
        "is_extrapolated": bool(tau > observed[1]) if is_fitted else None,
        "implied_doubling_days": volume_doubling_days(reach / tau) if is_fitted else float("nan"),
        "n_bootstrap": n_bootstrap,
        "n_bootstrap_failed": n_failed,
    }


def _parameters(theta: Floats, covariance: Floats, reach: float) -> pd.DataFrame:
    tau, sigma = np.exp(theta)
    se = np.sqrt(np.diag(covariance))
    rows = [
        ("threshold_months", tau, tau * se[0]),
        ("rate_per_month", reach / tau, reach / tau * se[0]),
        ("rate_log_sd", sigma, sigma * se[1]),
    ]
    return pd.DataFrame(rows, columns=["parameter", "estimate", "standard_error"])
