"""What a CT schedule would find, if the fitted growth holds.

Belongs here: the expected share of lesions still small at detection, and their median size, by CT interval.
Does not belong here: fitting growth (fit.py, onset.py). No advice: a computation under assumptions
that every row states.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.growth.fit import GrowthFit
from registry_pipeline.analysis.growth.forms import FORMS, diameter
from registry_pipeline.analysis.growth.intervals import bootstrap_limits, quantiles
from registry_pipeline.analysis.growth.onset import OnsetFit
from registry_pipeline.analysis.growth.onset_likelihood import rate_distribution
from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, OK, Floats, Frame, as_pandas, require_columns

COLUMNS = [
    "model", "error_model", "ct_interval_months", "cutpoint_mm", "share_small", "share_lower", "share_upper",
    "median_diameter_mm", "median_lower", "median_upper", "is_extrapolated", "status", "assumption", "note",
]  # fmt: skip
CURVE_ASSUMPTION = (
    "the fitted curve and its scatter ({scatter}) hold, cut off at the detection limit of {limit:g} mm: each lesion is "
    "found this many months after the last negative CT, as if the schedule had no effect on which are found"
)
SCATTER = {
    "additive": "additive error, {sd:.1f} mm for small and large lesions alike",
    "log": "log error, a factor of {factor:.2f}",
}
ONSET_ASSUMPTION = (
    "onset uniform between two CTs, exponential growth from the detection limit, every lesion above the limit "
    "seen at the next CT, rates lognormal between lesions and unrelated to the schedule"
)


@checked
def plan_surveillance(
    fit: GrowthFit | OnsetFit,
    intervals: Sequence[float] = (2, 3, 4, 6, 9, 12),
    cutpoint_mm: float = 15.0,
    *,
    detection_limit_mm: float = 4.0,
    observed: Frame | None = None,
    n_draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Expected share of lesions <= cutpoint_mm at detection and median diameter (mm) for a CT every so many months.

    Of a fitted curve: among lesions of at least detection_limit_mm, since a smaller one is not found (the scatter
    about the curve, normal or lognormal as its error model says, cut off there); an onset fit has its own limit.
    observed: result.growth_share rows, whose counts the note says.
    Bands are percentiles over draws of the estimates: the fit's bootstrap replicates where it has at least
    100 (expanded percentiles), else its asymptotic distribution (t for the onset fit, whose scatter is
    underestimated). They hold
    the uncertainty of the estimates, not that of the assumptions. is_extrapolated: the interval lies outside
    those observed. A fit that was not certified, and a curve whose months to its threshold have no estimate
    (lesions that are not larger after longer intervals), gives NULLs and says why.
    """
    months = np.array(intervals, dtype=float)
    table = pd.DataFrame({"ct_interval_months": months, "cutpoint_mm": float(cutpoint_mm)}).assign(
        model=fit.parameters["model"].iloc[0],
        error_model=fit.parameters["error_model"].iloc[0],
        status=fit.status,
        assumption=_assumption(fit, detection_limit_mm),
        note=_observed(observed),
    )
    if reason := _why_no_plan(fit):
        blank = dict.fromkeys([c for c in COLUMNS if c.startswith(("share_", "median_"))], np.nan)
        status = NOT_ESTIMABLE if fit.converged else fit.status
        note = f"No plan: {reason}."
        return table.assign(**blank, is_extrapolated=None, status=status, assumption=reason, note=note)[
            COLUMNS
        ]
    rng = np.random.default_rng(seed)
    if isinstance(fit, OnsetFit):
        draws = _student(fit, n_draws, rng)
        share, median = _onset(fit, np.vstack([fit.estimates, draws]), months, cutpoint_mm)
    else:
        limits = (detection_limit_mm, cutpoint_mm)
        share, median = _curve(fit, months, limits, n_draws, rng)
    share_band, median_band = (_band(fit, drawn[1:], level) for drawn in (share, median))
    low, high = fit.observed_months
    return table.assign(
        share_small=share[0], share_lower=share_band[0], share_upper=share_band[1],
        median_diameter_mm=median[0], median_lower=median_band[0], median_upper=median_band[1],
        is_extrapolated=(months < low) | (months > high),
    )[COLUMNS]  # fmt: skip


def _why_no_plan(fit: GrowthFit | OnsetFit) -> str:
    """Say why a fit bears no plan, or nothing."""
    if not fit.converged:
        return fit.note
    first = fit.threshold.iloc[0]
    return str(first["note"]) if isinstance(fit, GrowthFit) and first["status"] != OK else ""


def _band(fit: GrowthFit | OnsetFit, drawn: Floats, level: float) -> Floats:
    """Limits (2, intervals) from draws; over resampled patients the expanded ones, as of every other bootstrap."""
    if isinstance(fit, GrowthFit) and len(fit.usable_draws):
        return bootstrap_limits(drawn, level, int(fit.parameters["n_patients"].iloc[0]))
    return quantiles(drawn, [(1 - level) / 2, (1 + level) / 2])


def _assumption(fit: GrowthFit | OnsetFit, limit: float) -> str:
    """What has to hold for the figures of a fit."""
    if isinstance(fit, OnsetFit):
        return ONSET_ASSUMPTION
    scatter = SCATTER[fit.error_model].format(sd=fit.residual_sd, factor=np.exp(fit.residual_sd))
    return CURVE_ASSUMPTION.format(scatter=scatter, limit=limit)


def _observed(shares: Frame | None) -> str:
    """What was seen, in a sentence; nothing where no lesion was."""
    if shares is not None:
        require_columns(shares, ["n_small", "n_lesions", "interval_months", "cutpoint_mm"])
    rows = [] if shares is None else as_pandas(shares).to_dict("records")
    seen = [
        f"{row['n_small']} of {row['n_lesions']} within {row['interval_months']:g} months"
        for row in rows
        if row["n_lesions"]
    ]
    if not seen:
        return ""
    return f"Observed at most {rows[0]['cutpoint_mm']:g} mm, of the lesions found after a negative CT: {', '.join(seen)}."


def _curve(
    fit: GrowthFit, months: Floats, limits: tuple[float, float], n_draws: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Share (1 + draws, intervals) and median; the first row is of the estimates themselves.

    limits: detection limit and cutpoint, mm.
    """
    usable = fit.usable_draws
    is_resampled = len(usable) > 0
    if not is_resampled:
        usable = rng.multivariate_normal(fit.estimates, fit.covariance, n_draws)
    # Lesions of one patient do not tell of the scatter twice.
    counted = "n_patients" if is_resampled else "n_lesions"
    freedom = max(int(fit.parameters[counted].iloc[0]) - len(fit.estimates), 1)
    scatter = fit.residual_sd * np.sqrt(freedom / rng.chisquare(freedom, len(usable)))
    spread = np.concatenate([[fit.residual_sd], scatter])[:, None]
    draws = np.vstack([fit.estimates, usable])
    median = diameter(FORMS[fit.model], months, draws, fit.threshold_mm)[0]
    if fit.error_model == "additive":
        return _cut_off(median, spread, *limits)
    share, log_median = _cut_off(np.log(median), spread, *np.log(limits))
    return share, np.exp(log_median)


def _cut_off(centre: Floats, spread: Floats, limit: float, cutpoint: float) -> tuple[Floats, Floats]:
    """Of a normal variable of at least `limit`: probability of at most `cutpoint`, and the median.

    By logarithms of the upper tails, which stay exact where nearly all of the distribution is cut off.
    """
    from scipy.special import log_ndtr, ndtri_exp

    seen = log_ndtr((centre - limit) / spread)
    share = -np.expm1(log_ndtr((centre - cutpoint) / spread) - seen)
    return np.maximum(share, 0.0), centre - spread * ndtri_exp(seen - np.log(2))


def _student(fit: OnsetFit, n_draws: int, rng: np.random.Generator) -> Floats:
    """Draws of the estimates, wider than normal as those of a regression are: t, and n / (n - 2) for the scatter."""
    n = int(fit.parameters["n_lesions"].iloc[0])
    freedom = n - len(fit.estimates)
    normal = rng.multivariate_normal(np.zeros(len(fit.estimates)), fit.covariance, n_draws)
    wider = np.sqrt(n / rng.chisquare(freedom, n_draws))
    return np.asarray(fit.estimates + normal * wider[:, None])


def _onset(fit: OnsetFit, theta: Floats, months: Floats, cutpoint: float) -> tuple[Floats, Floats]:
    limit = fit.detection_limit_mm
    mu = np.log(np.log(fit.threshold_mm / limit)) - theta[:, 0]
    sigma = np.exp(theta[:, 1])
    needed = max(np.log(cutpoint / limit), 0.0) / months
    share = rate_distribution(needed[None, :], mu[:, None], sigma[:, None])
    low, high = np.full(len(mu), -12.0), np.full(len(mu), 6.0)
    for _ in range(50):  # bisection of the median of k v, in standard units of log k
        middle = (low + high) / 2
        below = rate_distribution(np.exp(mu + middle), mu, sigma) < 0.5
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    with np.errstate(all="ignore"):
        return share, limit * np.exp(np.exp(mu + low)[:, None] * months[None, :])
