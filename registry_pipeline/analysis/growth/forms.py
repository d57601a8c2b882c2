"""The growth curves: diameter against months, each with the time of the threshold as a parameter.

Belongs here: the six forms, their derivatives, the names of their parameters, starting values.
Does not belong here: error models, optimisation, intervals, result tables.

Every form passes through (t*, T): T is the threshold diameter and t* the month at which the curve
reaches it. So t* is estimated like any other parameter and its profile interval needs no delta method.
With u = t - t* and E(u) = (1 - exp(-s u)) / s:

    exponential      log d = log T + k u
    power            log d = log T + b (log t - log t*)
    linear           d = T + g u
    gompertz         log d = log T + k E(u)          plateau T exp(k / s)
    logistic         T / d = q + (1 - q) exp(-r u)   plateau T / q
    von_bertalanffy  d = T + g E(u)                  plateau T + g / s

The shape (s or q) of a three-parameter form is zero in the two-parameter form it contains: no plateau.
Sources: Benzekry 2014 (PLoS Comput Biol 10:e1003800); Bates and Watts 1988 for the parametrisation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from registry_pipeline.analysis.inputs import Floats
from registry_pipeline.core.units import DAYS_PER_MONTH

Curve = Callable[[Floats, Floats, Floats, float], tuple[Floats, Floats, Floats, Floats]]


@dataclass(frozen=True)
class Form:
    """One growth curve.

    curve(u, rate, shape, T) gives the diameter and its derivatives by u, rate and shape; all broadcast.
    nested: the form that remains when the shape is zero; None for two-parameter forms.
    """

    name: str
    curve: Curve
    rate_name: str
    rate_is_mm: bool = False
    shape_name: str | None = None
    nested: str | None = None
    log_time: bool = False

    @property
    def n_parameters(self) -> int:
        """Parameters of the curve, without the residual variance."""
        return 3 if self.shape_name else 2


def _saturation(u: Floats, s: Floats) -> tuple[Floats, Floats, Floats]:
    """E(u) and its derivatives by u and s, by series where s u is small."""
    z = u * s
    small = np.abs(z) < 1e-4
    safe = np.where(small, 1.0, s)
    decay = np.exp(-z)
    value = np.where(small, u * (1 - z / 2 + z * z / 6), -np.expm1(-z) / safe)
    by_s = np.where(small, u * u * (-0.5 + z / 3 - z * z / 8), (u * decay - value) / safe)
    return value, decay, by_s


def _exponential(u: Floats, k: Floats, s: Floats, T: float) -> tuple[Floats, Floats, Floats, Floats]:
    d = T * np.exp(k * u)
    return d, k * d, u * d, np.zeros_like(d)


def _linear(u: Floats, g: Floats, s: Floats, T: float) -> tuple[Floats, Floats, Floats, Floats]:
    d = T + g * u
    return d, g + np.zeros_like(d), u + np.zeros_like(d), np.zeros_like(d)


def _gompertz(u: Floats, k: Floats, s: Floats, T: float) -> tuple[Floats, Floats, Floats, Floats]:
    e, by_u, by_s = _saturation(u, s)
    d = T * np.exp(k * e)
    return d, d * k * by_u, d * e, d * k * by_s


def _bertalanffy(u: Floats, g: Floats, s: Floats, T: float) -> tuple[Floats, Floats, Floats, Floats]:
    e, by_u, by_s = _saturation(u, s)
    return T + g * e, g * by_u, e, g * by_s


def _logistic(u: Floats, r: Floats, q: Floats, T: float) -> tuple[Floats, Floats, Floats, Floats]:
    decay = np.exp(-r * u)
    w = q + (1 - q) * decay
    w = np.where(w > 0, w, np.nan)
    d = T / w
    slope = d / w * (1 - q) * decay
    return d, slope * r, slope * u, d / w * (decay - 1)


FORMS: dict[str, Form] = {
    form.name: form
    for form in (
        Form("exponential", _exponential, "rate_per_month"),
        Form("power", _exponential, "exponent", log_time=True),
        Form("linear", _linear, "slope_mm_per_month", rate_is_mm=True),
        Form("gompertz", _gompertz, "rate_per_month", False, "deceleration_per_month", "exponential"),
        Form("logistic", _logistic, "rate_per_month", False, "threshold_over_plateau", "exponential"),
        Form("von_bertalanffy", _bertalanffy, "slope_mm_per_month", True, "deceleration_per_month", "linear"),
    )
}


def diameter(form: Form, months: Floats, parameters: Floats, T: float) -> tuple[Floats, Floats]:
    """Evaluate a form for a batch of parameters.

    months (n,), parameters (B, p) with t* first (log t* for the power form). Gives the diameters (B, n)
    and their derivatives (B, n, p). Values outside the form's domain are NaN or infinite, never a warning.
    """
    time = np.log(months) if form.log_time else months
    with np.errstate(all="ignore"):
        u = time[None, :] - parameters[:, :1]
        shape = parameters[:, 2:3] if form.shape_name else np.zeros_like(parameters[:, :1])
        d, by_u, by_rate, by_shape = form.curve(u, parameters[:, 1:2], shape, T)
    columns = [-by_u, by_rate, by_shape][: form.n_parameters]
    return d, np.stack(columns, axis=2)


def plateau(form: Form, parameters: Floats, T: float) -> float:
    """The diameter that a three-parameter form approaches, mm; infinite when it has none."""
    if not form.shape_name or parameters[2] <= 0:
        return float("inf")
    rate, shape = float(parameters[1]), float(parameters[2])
    with np.errstate(all="ignore"):
        if form.name == "logistic":
            return T / shape
        return T + rate / shape if form.rate_is_mm else float(T * np.exp(rate / shape))


def specific_rate(form: Form, parameters: Floats, T: float) -> float:
    """Relative growth of the diameter per month at the moment it reaches the threshold; infinite at month 0."""
    rate = float(parameters[1])
    if form.log_time:
        months = float(np.exp(parameters[0]))
        return rate / months if months > 0 else float("inf")
    if form.name == "logistic":
        return rate * (1 - float(parameters[2]))
    return rate / T if form.rate_is_mm else rate


def volume_doubling_days(specific_rate_per_month: float) -> float:
    """Volume doubling time in days of a sphere whose diameter grows at this relative rate per month."""
    if not specific_rate_per_month > 0:
        return float("nan")
    return float(np.log(2) / (3 * specific_rate_per_month) * DAYS_PER_MONTH)


def starting_values(form: Form, months: Floats, diameters: Floats, T: float) -> Floats:
    """A grid of starts (B, p) around the two straight-line fits that need no start themselves."""
    time = np.log(months) if form.log_time else months
    response = diameters if form.rate_is_mm else np.log(diameters)
    level = T if form.rate_is_mm else float(np.log(T))
    centre = time - time.mean()
    spread = float(centre @ centre)
    slope = float(centre @ response) / spread if spread > 0 else 0.0
    floor = max(float(response.std()) / (float(np.ptp(time)) or 1.0), 1e-6) / 4
    slope = slope if slope > floor else floor
    crossing = time.mean() + (level - response.mean()) / slope
    crossings = np.unique([crossing, *np.quantile(time, [0.1, 0.5, 0.9])])
    rates = slope * np.array([1.0, 0.4, 2.5])
    shapes = _starting_shapes(form, float(np.ptp(time)) or 1.0)
    grid = np.array(np.meshgrid(crossings, rates, shapes, indexing="ij")).reshape(3, -1).T
    return np.asarray(grid[np.isfinite(grid).all(axis=1), : form.n_parameters], dtype=float)


def _starting_shapes(form: Form, span: float) -> list[float]:
    if not form.shape_name:
        return [0.0]
    if form.name == "logistic":
        return [-0.05, 0.0, 0.1, 0.4, 0.8]
    return [-0.5 / span, 0.0, 0.5 / span, 2 / span, 5 / span]
