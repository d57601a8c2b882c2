"""Growth from lesions measured at least twice before treatment.

Belongs here: the growth rate of each lesion, and a mixed model over lesions.
Does not belong here: one reading per lesion (fit.py, onset.py).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.growth.forms import volume_doubling_days
from registry_pipeline.analysis.growth.lesions import lesion_numbers
from registry_pipeline.analysis.inputs import Floats, Frame, counted, require_columns, series

RATE_COLUMNS = [
    "lesion_id", "n_measurements", "span_months", "rate_per_month", "standard_error",
    "volume_doubling_days", "status", "note",
]  # fmt: skip

_ROUNDING = 1e-12


@dataclass(frozen=True)
class MixedGrowth:
    """A fitted mixed model of log diameter.

    parameters: result.growth_fit rows; random_covariance: of intercept and slope between lesions;
    fixed_covariance: of the two fixed effects. NULL is NaN.
    """

    status: str
    note: str
    parameters: pd.DataFrame
    log_likelihood: float
    aicc: float
    converged: bool
    fixed_covariance: Floats
    random_covariance: Floats


def _series(frame: Frame, lesion: str, months: str, diameter_mm: str) -> tuple[pd.DataFrame, int]:
    require_columns(frame, [lesion, months, diameter_mm])
    table = pd.DataFrame(
        {
            "lesion": series(frame, lesion),
            "months": lesion_numbers(frame, months),
            "diameter": lesion_numbers(frame, diameter_mm),
        }
    )
    usable = table.dropna()
    usable = usable[usable["diameter"] > 0].reset_index(drop=True)
    return usable, len(table) - len(usable)


@checked
def lesion_growth_rates(
    frame: Frame,
    lesion: str = "lesion_id",
    months: str = "months",
    diameter_mm: str = "diameter_mm",
) -> pd.DataFrame:
    """Growth rate of each lesion: least-squares slope of log diameter on months, one row per lesion.

    rate_per_month is the specific growth rate of the diameter (defined for lesions that shrink, too, unlike
    the doubling time; Mehrara 2007). Two measurements give no standard error (NaN). A lesion measured at
    one moment only has status 'not_estimable'. Measurements without a time or a positive diameter are not used.
    """
    data, _ = _series(frame, lesion, months, diameter_mm)
    rows = [_rate(key, part) for key, part in data.groupby("lesion", sort=True, observed=True)]
    return pd.DataFrame(rows, columns=RATE_COLUMNS)


def _rate(key: Any, part: pd.DataFrame) -> dict[str, object]:
    x, y = part["months"].to_numpy(), np.log(part["diameter"].to_numpy())
    row: dict[str, object] = {
        "lesion_id": key, "n_measurements": len(x), "span_months": float(np.ptp(x)), "rate_per_month": np.nan,
        "standard_error": np.nan, "volume_doubling_days": np.nan, "status": "not_estimable",
        "note": "measured at one moment only",
    }  # fmt: skip
    centred = x - x.mean()
    spread = float(centred @ centred)
    if not 0 < spread < np.inf:
        return row
    slope = float(centred @ y) / spread
    if abs(slope) * float(np.ptp(x)) < _ROUNDING * max(1.0, float(np.abs(y).max())):
        slope = 0.0  # a lesion that stayed as it was: a remainder of rounding is no growth
    residual = y - y.mean() - slope * centred
    error = np.sqrt(float(residual @ residual) / (len(x) - 2) / spread) if len(x) > 2 else np.nan
    note = "" if slope > 0 else "does not grow: no doubling time"
    return row | {
        "rate_per_month": slope, "standard_error": error, "status": "ok", "note": note,
        "volume_doubling_days": volume_doubling_days(slope),
    }  # fmt: skip


@checked
def fit_growth_mixed(
    frame: Frame,
    lesion: str = "lesion_id",
    months: str = "months",
    diameter_mm: str = "diameter_mm",
    patient: str | None = None,
) -> MixedGrowth:
    """Log-linear growth with an intercept and a slope for each lesion, by maximum likelihood.

    log D = (b0 + u0) + (b1 + u1) t + e, with (u0, u1) correlated between lesions. Lesions measured at one
    moment only inform the intercept alone and are left out. Time is centred and scaled for the fit
    (statsmodels MixedLM does not reach R's answer otherwise) and the estimates are put back into months.
    Lesions of one patient count as independent; with `patient`, the note says how many patients they are of.
    """
    data, n_dropped = _series(frame, lesion, months, diameter_mm)
    n_lesions_of_all = data["lesion"].nunique()
    data = data[data.duplicated("lesion", keep=False)]  # most are measured once, which is seen at once
    data = data[data.groupby("lesion", observed=True)["months"].transform("nunique") > 1]
    n_lesions, n_patients = data["lesion"].nunique(), None
    n_single = n_lesions_of_all - n_lesions
    if patient is not None:
        owner, lesions = series(frame, patient), series(frame, lesion)
        n_patients = int(owner[lesions.isin(data["lesion"].unique())].nunique())
    parts = [
        f"{counted(n_dropped, 'measurement')} without time or positive diameter" if n_dropped else "",
        f"left out: {counted(n_single, 'lesion')} measured at one moment only" if n_single else "",
        _independent(n_lesions, n_patients),
    ]
    note = "; ".join(part for part in parts if part)
    if n_lesions < 3 or len(data) <= n_lesions + 2:
        n_repeated = counted(n_lesions, "lesion")
        return _refused(f"too few: {n_repeated} with repeated measurements; {note}".rstrip("; "))
    return _fit(data, n_lesions, n_patients, note)


def _independent(n_lesions: int, n_patients: int | None) -> str:
    """Say what counts as independent, where there is more than one."""
    if not n_patients or n_lesions < 2:
        return ""
    return f"{n_lesions} lesions of {counted(n_patients, 'patient')} count as independent"


def _fit(data: pd.DataFrame, n_lesions: int, n_patients: int | None, note: str) -> MixedGrowth:
    time, response = data["months"].to_numpy(), np.log(data["diameter"].to_numpy())
    centre, scale = float(time.mean()), float(time.std())
    if not 0 < scale < np.inf:
        return _refused(f"the times are not usable; {note}".rstrip("; "))
    design = np.column_stack([np.ones(len(time)), (time - centre) / scale])
    best = _maximise(response, design, data["lesion"].to_numpy())
    if best is None:
        return _refused(f"the mixed model did not converge; {note}".rstrip("; "), "not_converged")
    back = np.array([[1.0, -centre / scale], [0.0, 1.0 / scale]])
    fixed = back @ np.asarray(best.fe_params)
    random = back @ np.asarray(best.cov_re) @ back.T
    fixed_covariance = _fixed_covariance(data, random, float(best.scale))
    if not np.isfinite(fixed_covariance).all() or np.linalg.eigvalsh(fixed_covariance).min() <= 0:
        return _refused(
            f"the information matrix is not positive definite; {note}".rstrip("; "), "not_converged"
        )
    if np.linalg.eigvalsh(np.asarray(best.cov_re)).min() < 1e-8:
        note = f"a variance between lesions is estimated as zero; {note}".rstrip("; ")
    n, k, llf = len(data), 6, float(best.llf)
    aicc = 2 * k - 2 * (llf - response.sum()) + 2 * k * (k + 1) / (n - k - 1) if n > k + 1 else np.nan
    table = _table(fixed, fixed_covariance, random).assign(
        model="exponential_mixed", error_model="log", n_lesions=n_lesions, n_patients=n_patients,
        aicc=aicc, converged=True, residual_sd=float(np.sqrt(best.scale)), r_squared=np.nan,
        log_likelihood=llf - float(response.sum()), status="ok", note=note,
    )  # fmt: skip
    return MixedGrowth("ok", note, table, llf, float(aicc), True, fixed_covariance, random)


def _maximise(response: Floats, design: Floats, lesion: Any) -> Any:
    """The converged maximum-likelihood fit of the highest likelihood; None when no optimiser converged."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    fits: list[Any] = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for options in ({"method": "bfgs", "gtol": 1e-9}, {"method": "lbfgs"}, {"method": "powell"}):
            if fits and options["method"] == "powell":  # slow, and only a last resort
                break
            try:
                model = MixedLM(response, design, groups=lesion, exog_re=design)
                fit = model.fit(reml=False, **options)
            except (np.linalg.LinAlgError, ValueError):
                continue
            if bool(fit.converged) and np.isfinite(fit.llf):
                fits.append(fit)
    return max(fits, key=lambda fit: float(fit.llf), default=None)


def _fixed_covariance(data: pd.DataFrame, random: Floats, scale: float) -> Floats:
    """Generalised least squares covariance (X' V^-1 X)^-1 in months, as R's nlme gives it."""
    information = np.zeros((2, 2))
    for _, part in data.groupby("lesion", observed=True):
        design = np.column_stack([np.ones(len(part)), part["months"].to_numpy()])
        variance = design @ random @ design.T + scale * np.eye(len(part))
        information += design.T @ np.linalg.solve(variance, design)
    if np.linalg.cond(information) > 1e14:
        return np.full((2, 2), np.nan)
    return np.asarray(np.linalg.inv(information))


def _table(fixed: Floats, covariance: Floats, random: Floats) -> pd.DataFrame:
    errors = np.sqrt(np.diag(covariance))
    spread = np.sqrt(np.clip(np.diag(random), 0, None))
    both = float(spread[0] * spread[1])
    doubling = volume_doubling_days(float(fixed[1]))
    rows = [
        ("log_diameter_at_zero", fixed[0], errors[0]),
        ("rate_per_month", fixed[1], errors[1]),
        ("log_diameter_at_zero_sd", spread[0], np.nan),
        ("rate_per_month_sd", spread[1], np.nan),
        ("correlation", random[0, 1] / both if both > 0 else np.nan, np.nan),
        ("volume_doubling_days", doubling, abs(doubling * errors[1] / fixed[1])),
    ]
    return pd.DataFrame(rows, columns=["parameter", "estimate", "standard_error"]).astype(
        {"estimate": float, "standard_error": float}
    )


def _refused(note: str, status: str = "not_estimable") -> MixedGrowth:
    empty = np.full((2, 2), np.nan)
    parameters = _table(np.full(2, np.nan), empty, empty).assign(
        model="exponential_mixed", error_model="log", n_lesions=0, n_patients=None, aicc=np.nan,
        converged=False, residual_sd=np.nan, r_squared=np.nan, log_likelihood=np.nan,
        status=status, note=note,
    )  # fmt: skip
    return MixedGrowth(status, note, parameters, float("nan"), float("nan"), False, empty, empty)
