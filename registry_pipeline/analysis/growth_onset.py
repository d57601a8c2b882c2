"""Growth rate when the onset of a lesion is only known to lie between two scans.

Belongs here: the likelihood with interval-censored onset and its rows for result.growth_fit and
result.growth_threshold, beside those of the plain regression (growth).
Does not belong here: the plain regression; serial measurements (growth_serial).

Model. A lesion crosses the detection limit d0 at a moment uniform between the last negative CT and its
detection x months later; from there log D = log d0 + k a, with a its age since the limit and k its own
rate, lognormal between lesions: log k ~ N(mu, sigma^2), independent of x. So R = log(D / d0) / x = k v
with v uniform on (0, 1), whose density has a closed form:

    f(r) = exp(sigma^2/2 - mu) * Phi((mu - sigma^2 - log r) / sigma)

A lesion read at or below d0 enters with the probability of a reading up to d0 plus half a millimetre.

Estimand. The median growth rate exp(mu) among lesions, and tau = log(T / d0) / exp(mu): the months that a
lesion of median rate needs from the detection limit to the threshold T. The plain regression estimates
another thing, the interval since the last negative CT at which the fitted diameter is T; that interval
holds the lesion-free time too, so it is no growth time. mu is replaced by tau as a parameter, so the
profile interval of tau needs no delta method.

What it assumes: every lesion above d0 is seen at the next CT; the gap between CTs does not depend on
growth (symptom-led CTs break this); exponential growth from d0 on; lesions of a patient independent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry_pipeline.analysis.growth_data import (
    Floats,
    Frame,
    Lesions,
    exclusion_note,
    pooled_values,
    usable_lesions,
)
from registry_pipeline.analysis.growth_forms import volume_doubling_days
from registry_pipeline.analysis.growth_interval import cluster_weights, percentile_interval

MODEL = "exponential_interval_onset"
READING_HALF_WIDTH_MM = 0.5
_MIN_SIGMA = 1e-3
_NO_SPREAD = "the spread of the growth rates between lesions is not identifiable"


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


@dataclass(frozen=True)
class _Data:
    rate: Floats  # log(D / d0) / x
    log_jacobian: float  # sum of log(x D): densities are those of the diameter in mm
    censored_rate: Floats  # upper limit of the rate for readings at or below d0
    reach: float  # log(T / d0)
    weight: Floats
    censored_weight: Floats


def rate_density_log(rate: Floats, mu: float, sigma: float) -> Floats:
    """Log density of R = k v, log k ~ N(mu, sigma^2), v uniform on (0, 1)."""
    from scipy.special import log_ndtr

    return np.asarray(sigma**2 / 2 - mu + log_ndtr((mu - sigma**2 - np.log(rate)) / sigma))


def rate_distribution(rate: Floats, mu: float | Floats, sigma: float | Floats) -> Floats:
    """Probability that R = k v is at most `rate` (>= 0); the arguments broadcast."""
    from scipy.special import log_ndtr, ndtr

    with np.errstate(all="ignore"):
        z = np.log(rate)
        tail = np.exp(z + sigma**2 / 2 - mu + log_ndtr((mu - sigma**2 - z) / sigma))
        return np.where(np.asarray(rate) > 0, ndtr((z - mu) / sigma) + tail, 0.0)


@np.errstate(all="ignore")  # absurd readings overflow; they end as a status, not as a warning
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
    n_bootstrap > 0 with `patient` adds a bootstrap over patients (about 5 ms per replicate). AICc is
    comparable with the plain fits only when no lesion was read at or below the limit; the note counts them.
    Raises ValueError unless 0 < detection_limit_mm < threshold_mm.
    """
    if not 0 < detection_limit_mm < threshold_mm:
        raise ValueError("detection_limit_mm must lie between 0 and threshold_mm")
    lesions = usable_lesions(frame, interval_months, diameter_mm, patient)
    data = _data(lesions, detection_limit_mm, threshold_mm, np.ones(lesions.n))
    theta, covariance, status, note = _fit(data)
    known = bool(np.isfinite(theta).all())
    shared: dict[str, object] = {
        "model": MODEL, "error_model": "log", "n_lesions": lesions.n, "n_patients": lesions.n_patients,
        "status": status, "note": _note(note, lesions, data, detection_limit_mm),
    }  # fmt: skip
    likelihood = -_negative(theta, data) if known else float("nan")
    aicc = 4 - 2 * likelihood + 12 / (lesions.n - 3) if lesions.n > 3 else float("nan")
    parameters = _parameters(theta, covariance, data.reach).assign(
        **shared, aicc=aicc, converged=known, residual_sd=np.nan, r_squared=np.nan, log_likelihood=likelihood
    )
    observed = (float(lesions.months.min()), float(lesions.months.max())) if known else (np.nan, np.nan)
    rows = [_row(theta, data.reach, observed, threshold_mm, "profile",
                 _profile(theta, covariance, data, level) if known else _unknown(), 0, 0)]  # fmt: skip
    if lesions.patient is not None and n_bootstrap > 0:
        draws = _draws(lesions, theta, detection_limit_mm, threshold_mm, n_bootstrap, seed)
        bounds, failed = percentile_interval(draws, level)
        rows.append(_row(theta, data.reach, observed, threshold_mm, "cluster_bootstrap", bounds,
                         len(draws), failed))  # fmt: skip
    return OnsetFit(
        status, str(shared["note"]), parameters, pd.DataFrame(rows).assign(**shared), aicc, known,
        detection_limit_mm, threshold_mm, observed, theta, covariance,
    )  # fmt: skip


def _draws(
    lesions: Lesions, theta: Floats, limit: float, threshold: float, replicates: int, seed: int
) -> Floats:
    """Bootstrap replicates of log tau over patients; none without an estimate or with a single patient."""
    if lesions.patient is None or not np.isfinite(theta).all() or (lesions.n_patients or 0) < 2:
        return np.empty(0)
    weights = cluster_weights(lesions.patient, replicates, seed)
    samples = (_data(lesions, limit, threshold, w) for w in weights)
    return np.array([_fit(sample, theta)[0][0] for sample in samples])


def _note(note: str, lesions: Lesions, data: _Data, limit: float) -> str:
    parts = [note, exclusion_note(lesions), f"detection limit {limit:g} mm"]
    if len(data.censored_rate):
        parts.append(f"{int(data.censored_weight.sum())} lesions read at or below it enter as such")
    return "; ".join(part for part in parts if part)


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
    tau, known = float(np.exp(theta[0])), bool(np.isfinite(theta[0]))
    return {
        "threshold_mm": float(threshold_mm),
        "months": tau,
        "ci_lower": float(np.exp(bounds[0])),
        "ci_upper": float(np.exp(bounds[1])),
        "ci_method": method,
        "is_extrapolated": bool(tau > observed[1]) if known else None,
        "implied_doubling_days": volume_doubling_days(reach / tau) if known else float("nan"),
        "n_bootstrap": n_bootstrap,
        "n_bootstrap_failed": n_failed,
    }


def _unknown() -> Floats:
    return np.array([np.nan, np.nan])


def _data(lesions: Lesions, limit: float, threshold: float, weight: Floats) -> _Data:
    months, diameters = lesions.months, lesions.diameter
    small = diameters <= limit
    rate = np.log(diameters[~small] / limit) / months[~small]
    log_jacobian = float((weight[~small] * np.log(months[~small] * diameters[~small])).sum())
    censored = np.log((limit + READING_HALF_WIDTH_MM) / limit) / months[small]
    rate, own_weight = pooled_values(rate, weight[~small])
    censored, censored_weight = pooled_values(censored, weight[small])
    return _Data(rate, log_jacobian, censored, float(np.log(threshold / limit)), own_weight, censored_weight)


def _negative(theta: Floats, data: _Data) -> float:
    """Negative log likelihood of (log tau, log sigma)."""
    with np.errstate(all="ignore"):
        mu, sigma = float(np.log(data.reach) - theta[0]), float(np.exp(theta[1]))
        value = (data.weight * rate_density_log(data.rate, mu, sigma)).sum() - data.log_jacobian
        if len(data.censored_rate):
            chance = rate_distribution(data.censored_rate, mu, sigma)
            value += (data.censored_weight * np.log(chance)).sum()
    return float(-value) if np.isfinite(value) else 1e100


def _fit(data: _Data, start: Floats | None = None) -> tuple[Floats, Floats, str, str]:
    """Estimate, covariance, status, note. Certified: gradient zero, information positive definite."""
    from scipy.optimize import minimize

    nothing = (_unknown(), np.full((2, 2), np.nan))
    if len(np.unique(data.rate)) < 3:
        return *nothing, "not_estimable", "fewer than three distinct lesions above the detection limit"
    centre = np.log(data.reach) - np.log(2 * np.median(data.rate))  # E(v) = 1/2
    starts = [start] if start is not None else [np.array([centre, s]) for s in (-1.5, -0.7, 0.0, 0.7)]
    found = [
        minimize(_negative, s, args=(data,), method="Nelder-Mead",
                 options={"xatol": 1e-6, "fatol": 1e-9, "maxiter": 600})
        for s in starts
    ]  # fmt: skip
    theta = np.asarray(min(found, key=lambda f: float(f.fun)).x, dtype=float)
    if theta[1] < np.log(_MIN_SIGMA) * 0.9 or theta[1] > 4:
        return *nothing, "not_identifiable", _NO_SPREAD
    theta, gradient, hessian = _newton(theta, data)
    if np.linalg.eigvalsh(hessian).min() <= 0:
        return *nothing, "not_converged", "the information matrix is not positive definite at the solution"
    covariance: Floats = np.asarray(np.linalg.inv(hessian), dtype=float)
    if float(gradient @ covariance @ gradient) > 1e-8:
        return *nothing, "not_converged", "the score is not zero at the solution"
    return theta, covariance, "ok", ""


def _newton(theta: Floats, data: _Data) -> tuple[Floats, Floats, Floats]:
    """Polish by Newton steps with central differences; gives theta, gradient and Hessian there."""
    for _ in range(6):
        gradient, hessian = _differences(lambda t: _negative(t, data), theta)
        if np.linalg.eigvalsh(hessian).min() <= 0:
            break
        step = np.linalg.solve(hessian, gradient)
        if float(gradient @ step) < 1e-13:
            break
        if _negative(theta - step, data) > _negative(theta, data) + 1e-9:
            break
        theta = theta - step
    gradient, hessian = _differences(lambda t: _negative(t, data), theta)
    return theta, gradient, hessian


def _differences(function: Callable[[Floats], float], at: Floats, h: float = 1e-4) -> tuple[Floats, Floats]:
    a, b = np.array([h, 0.0]), np.array([0.0, h])
    middle = function(at)
    pa, ma, pb, mb = function(at + a), function(at - a), function(at + b), function(at - b)
    crossed = function(at + a + b) - function(at + a - b) - function(at - a + b) + function(at - a - b)
    gradient = np.array([pa - ma, pb - mb]) / (2 * h)
    mixed = crossed / (4 * h * h)
    hessian = np.array([[(pa - 2 * middle + ma) / h**2, mixed], [mixed, (pb - 2 * middle + mb) / h**2]])
    return gradient, hessian


def _profile(theta: Floats, covariance: Floats, data: _Data, level: float) -> Floats:
    """Profile-likelihood interval of log tau; NaN on a side where the likelihood stays flat."""
    from scipy.optimize import brentq, minimize_scalar
    from scipy.stats import chi2

    limit = _negative(theta, data) + float(chi2.ppf(level, 1)) / 2

    def excess(log_tau: float) -> float:
        best = minimize_scalar(
            lambda s: _negative(np.array([log_tau, s]), data),
            bounds=(np.log(_MIN_SIGMA), 4.0), method="bounded", options={"xatol": 1e-9},
        )  # fmt: skip
        return float(best.fun) - limit

    bounds, se = _unknown(), float(np.sqrt(covariance[0, 0]))
    for side, sign in enumerate((-1.0, 1.0)):
        for reach in (1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0):
            far = float(theta[0]) + sign * se * reach
            if excess(far) > 0:
                bounds[side] = brentq(excess, float(theta[0]), far, xtol=1e-8)
                break
    return bounds


def _parameters(theta: Floats, covariance: Floats, reach: float) -> pd.DataFrame:
    tau, sigma = np.exp(theta)
    se = np.sqrt(np.diag(covariance))
    rows = [
        ("threshold_months", tau, tau * se[0]),
        ("rate_per_month", reach / tau, reach / tau * se[0]),
        ("rate_log_sd", sigma, sigma * se[1]),
    ]
    return pd.DataFrame(rows, columns=["parameter", "estimate", "standard_error"])
