"""Likelihood of growth rates when onset lies somewhere between two scans, its maximum and profile.

Belongs here: the density of the observed rates, the certified maximum, profile limits.
Does not belong here: what is estimated and why, and the rows of the release (onset.py).

Model. A lesion crosses the detection limit d0 at a moment uniform between the last negative CT and its
detection x months later; from there log D = log d0 + k a, with a its age since the limit and k its own
rate, lognormal between lesions: log k ~ N(mu, sigma^2), independent of x. So R = log(D / d0) / x = k v
with v uniform on (0, 1), whose density has a closed form:

    f(r) = exp(sigma^2/2 - mu) * Phi((mu - sigma^2 - log r) / sigma)

A lesion read at or below d0 enters with the probability of a reading up to d0 plus half a millimetre.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from registry_pipeline.analysis.distributions import chi_square_quantile
from registry_pipeline.analysis.growth.lesions import MANY_LESIONS, Lesions, pooled_values
from registry_pipeline.analysis.inputs import Floats

READING_HALF_WIDTH_MM = 0.5
_FEW_RATES = 2_000  # distinct rates that the search for a maximum among many looks at
_MIN_SIGMA = 1e-3
_NO_SPREAD = "the spread of the growth rates between lesions is not identifiable"


@dataclass(frozen=True)
class OnsetData:
    """What the likelihood needs of the lesions: rates seen, rates known only to be small, and their weights."""

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


def unknown() -> Floats:
    """Two values that are not known."""
    return np.array([np.nan, np.nan])


def onset_data(lesions: Lesions, limit: float, threshold: float, weight: Floats) -> OnsetData:
    """Turn lesions into rates since the detection limit (mm), equal ones pooled; weight (n,): how often each counts."""
    months, diameters = lesions.months, lesions.diameter
    small = diameters <= limit
    rate = np.log(diameters[~small] / limit) / months[~small]
    log_jacobian = float((weight[~small] * np.log(months[~small] * diameters[~small])).sum())
    censored = np.log((limit + READING_HALF_WIDTH_MM) / limit) / months[small]
    rate, own_weight = pooled_values(rate, weight[~small])
    censored, censored_weight = pooled_values(censored, weight[small])
    return OnsetData(
        rate, log_jacobian, censored, float(np.log(threshold / limit)), own_weight, censored_weight
    )


def negative_log_likelihood(theta: Floats, data: OnsetData) -> float:
    """Negative log likelihood of (log tau, log sigma)."""
    with np.errstate(all="ignore"):
        mu, sigma = float(np.log(data.reach) - theta[0]), float(np.exp(theta[1]))
        value = (data.weight * rate_density_log(data.rate, mu, sigma)).sum() - data.log_jacobian
        if len(data.censored_rate):
            chance = rate_distribution(data.censored_rate, mu, sigma)
            value += (data.censored_weight * np.log(chance)).sum()
    return float(-value) if np.isfinite(value) else 1e100


def _condensed(data: OnsetData) -> OnsetData:
    """Many rates as a few, each for its neighbours: close enough to say where to look; few rates as they are.

    What is found with them is a start only: estimates and limits are those of all the rates.
    """
    if len(data.rate) < MANY_LESIONS:
        return data
    rate, weight = _grouped(data.rate, data.weight)
    censored, censored_weight = _grouped(data.censored_rate, data.censored_weight)
    return OnsetData(rate, data.log_jacobian, censored, data.reach, weight, censored_weight)


def _grouped(rate: Floats, weight: Floats) -> tuple[Floats, Floats]:
    if len(rate) <= _FEW_RATES:
        return rate, weight
    order = np.argsort(rate, kind="stable")
    group = np.arange(len(rate)) * _FEW_RATES // len(rate)
    own = weight[order]
    total = np.bincount(group, weights=own).astype(np.float64)
    middle = np.bincount(group, weights=own * np.log(rate[order])) / np.where(total > 0, total, 1.0)
    return np.exp(middle), total


def maximise(data: OnsetData, start: Floats | None = None) -> tuple[Floats, Floats, str, str]:
    """Estimate, covariance, status, note. Certified: gradient zero, information positive definite.

    start: where a maximum is expected (that of the same lesions, weighed otherwise); Newton steps alone are tried first.
    """
    from scipy.optimize import minimize

    if len(np.unique(data.rate)) < 3:
        return *_nothing(), "not_estimable", "fewer than three distinct lesions above the detection limit"
    if start is not None:
        near = _certified(start, data)
        if near[2] == "ok":
            return near
    centre = np.log(data.reach) - np.log(2 * np.median(data.rate))  # E(v) = 1/2
    starts = [start] if start is not None else [np.array([centre, s]) for s in (-1.5, -0.7, 0.0, 0.7)]
    looked_at = _condensed(data)
    optima = [
        minimize(negative_log_likelihood, s, args=(looked_at,), method="Nelder-Mead",
                 options={"xatol": 1e-6, "fatol": 1e-9, "maxiter": 600})
        for s in starts
    ]  # fmt: skip
    theta = np.asarray(min(optima, key=lambda f: float(f.fun)).x, dtype=float)
    return _certified(theta, data)


def _nothing() -> tuple[Floats, Floats]:
    return unknown(), np.full((2, 2), np.nan)


def _certified(theta: Floats, data: OnsetData) -> tuple[Floats, Floats, str, str]:
    """What Newton steps from theta lead to, if it is a maximum; otherwise why not."""
    if not _has_spread(theta):
        return *_nothing(), "not_identifiable", _NO_SPREAD
    theta, gradient, hessian = _newton(theta, data)
    if np.linalg.eigvalsh(hessian).min() <= 0:
        return *_nothing(), "not_converged", "the information matrix is not positive definite at the solution"
    covariance: Floats = np.asarray(np.linalg.inv(hessian), dtype=float)
    if float(gradient @ covariance @ gradient) > 1e-8:
        return *_nothing(), "not_converged", "the score is not zero at the solution"
    return theta, covariance, "ok", ""


def _has_spread(theta: Floats) -> bool:
    """Whether the spread of the rates lies inside the range that is searched."""
    return bool(np.log(_MIN_SIGMA) * 0.9 <= theta[1] <= 4)


def _newton(theta: Floats, data: OnsetData) -> tuple[Floats, Floats, Floats]:
    """Polish by Newton steps with central differences; gives theta, gradient and Hessian there."""
    gradient, hessian = _differences(lambda t: negative_log_likelihood(t, data), theta)
    for _ in range(6):
        if np.linalg.eigvalsh(hessian).min() <= 0:
            break
        step = np.linalg.solve(hessian, gradient)
        if float(gradient @ step) < 1e-13:
            break
        if negative_log_likelihood(theta - step, data) > negative_log_likelihood(theta, data) + 1e-9:
            break
        theta = theta - step
        gradient, hessian = _differences(lambda t: negative_log_likelihood(t, data), theta)
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


def profile_limits(theta: Floats, covariance: Floats, data: OnsetData, level: float) -> Floats:
    """Profile-likelihood interval of log tau; NaN on a side where the likelihood stays flat."""
    few = _condensed(data)
    if few is data:
        return _limits(theta, covariance, data, level)
    near = _limits(_newton(theta, few)[0], covariance, few, level)
    limits = [_limit_near(float(limit), theta, covariance, data, level) for limit in near]
    return np.array(limits) if np.isfinite(limits).all() else _limits(theta, covariance, data, level)


def _limit_near(near: float, theta: Floats, covariance: Floats, data: OnsetData, level: float) -> float:
    """The limit of log tau close to where it was expected; NaN where it is not there."""
    from scipy.optimize import brentq, minimize_scalar

    if not np.isfinite(near):
        return float("nan")
    limit = negative_log_likelihood(theta, data) + chi_square_quantile(level, 1) / 2
    slope, width = covariance[0, 1] / covariance[0, 0], float(np.sqrt(covariance[1, 1]))
    is_inside = True

    def excess(log_tau: float) -> float:
        nonlocal is_inside
        centre = float(theta[1] + slope * (log_tau - theta[0]))
        best = minimize_scalar(
            lambda s: negative_log_likelihood(np.array([log_tau, s]), data),
            bounds=(centre - 0.5 * width, centre + 0.5 * width), method="bounded",
            options={"xatol": 1e-5 * width},
        )  # fmt: skip
        is_inside = is_inside and abs(float(best.x) - centre) < 0.4 * width
        return float(best.fun) - limit

    reach = 0.02 * float(np.sqrt(covariance[0, 0]))
    if excess(near - reach) * excess(near + reach) >= 0:
        return float("nan")
    bound = float(brentq(excess, near - reach, near + reach, xtol=1e-8))
    return bound if is_inside else float("nan")


def _limits(theta: Floats, covariance: Floats, data: OnsetData, level: float) -> Floats:
    from scipy.optimize import brentq, minimize_scalar

    limit = negative_log_likelihood(theta, data) + chi_square_quantile(level, 1) / 2

    def excess(log_tau: float) -> float:
        best = minimize_scalar(
            lambda s: negative_log_likelihood(np.array([log_tau, s]), data),
            bounds=(np.log(_MIN_SIGMA), 4.0), method="bounded", options={"xatol": 1e-9},
        )  # fmt: skip
        return float(best.fun) - limit

    bounds, se = unknown(), float(np.sqrt(covariance[0, 0]))
    for side, sign in enumerate((-1.0, 1.0)):
        for reach in (1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0):
            far = float(theta[0]) + sign * se * reach
            if excess(far) > 0:
                bounds[side] = brentq(excess, float(theta[0]), far, xtol=1e-8)
                break
    return bounds
