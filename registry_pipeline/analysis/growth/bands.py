"""How far the months to the threshold could lie elsewhere, for what the data cannot settle: the form, the detection limit.

Belongs here: the widest interval over plausible forms, their average, and the band over detection limits.
Does not belong here: the fits (fit.py, onset.py), readings of other lesions (sensitivity.py).

A power curve fitted to exponential growth covers the truth in 44 % of samples: an interval knows nothing of the form
that was chosen. And a detection limit of 4 mm assumed where it is 5 moves the onset estimate by a quarter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.growth.fit import ERROR_MODELS, MODELS, GrowthFit, fit_growth
from registry_pipeline.analysis.growth.intervals import sentences
from registry_pipeline.analysis.growth.onset import OnsetFit, fit_interval_onset
from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, OK, Frame

COLUMNS = [
    "band", "months", "lowest_months", "highest_months", "averaged_months", "ci_lower", "ci_upper", "ci_method",
    "n_readings", "n_plausible", "readings", "status", "note",
]  # fmt: skip
FORMS_BAND, LIMITS_BAND = "plausible forms", "detection limits"
PLAUSIBLE = (
    4.0  # AICc above the best up to which a form has considerable support (Burnham & Anderson 2002, 2.6)
)
OF_ONSET = "months from each detection limit, so of different distances; the limit is assumed, not estimated"


@checked
def growth_bands(
    frame: Frame,
    interval_months: str = "months_since_negative_ct",
    diameter_mm: str = "diameter_mm",
    patient: str | None = "patient_id",
    threshold_mm: float = 15.0,
    model: str = "exponential",
    error_model: str = "additive",
    *,
    detection_limit_mm: float = 4.0,
    detection_limits: Sequence[float] = (3.0, 4.0, 5.0),
    n_bootstrap: int = 500,
    seed: int = 0,
    level: float = 0.95,
    fits: Mapping[tuple[str, str], GrowthFit] | None = None,
) -> pd.DataFrame:
    """Two rows beside the headline: over plausible forms, and over detection limits.

    Plausible forms: every form and error model whose fit is certified and whose AICc lies within 4 of the best; months:
    of the chosen one (model, error_model); lowest and highest of all; averaged_months: weighted by Akaike weights;
    ci_lower and ci_upper: from the lowest lower to the highest upper limit of any of them, by the bootstrap of patients
    where there is one. Detection limits: the interval-censored onset for each, months at detection_limit_mm, ends as
    before. Both are no confidence intervals of a level: they are as wide as the choice that nobody can make for sure.
    fits: fits of all lesions that exist already, with their bootstraps.
    """
    columns, fits_so_far = (interval_months, diameter_mm), fits or {}
    readings = {
        (form, error): fits_so_far.get((form, error))
        or fit_growth(
            frame,
            *columns,
            form,
            error,
            patient,
            threshold_mm,
            n_bootstrap=n_bootstrap,
            seed=seed,
            level=level,
        )
        for form in MODELS
        for error in ERROR_MODELS
    }
    onsets = {
        limit: fit_interval_onset(
            frame, *columns, patient, threshold_mm, limit, n_bootstrap=n_bootstrap, seed=seed, level=level
        )
        for limit in sorted({*detection_limits, detection_limit_mm})
        if limit < threshold_mm
    }
    rows = [_of_forms(readings, readings.get((model, error_model))), _of_limits(onsets, detection_limit_mm)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _of_forms(fits: Mapping[tuple[str, str], GrowthFit], chosen: GrowthFit | None) -> dict[str, object]:
    """The band over forms and error models."""
    usable = {
        name: fit
        for name, fit in fits.items()
        if fit.status == OK and np.isfinite(fit.aicc) and fit.threshold["status"].iloc[0] == OK
    }
    best = min((fit.aicc for fit in usable.values()), default=np.nan)
    plausible = {name: fit for name, fit in usable.items() if fit.aicc <= best + PLAUSIBLE}
    row = _band(FORMS_BAND, {f"{form}, {error}": fit for (form, error), fit in plausible.items()}, len(fits))
    if not plausible:
        return row
    weight = np.array([np.exp(-(fit.aicc - best) / 2) for fit in plausible.values()])
    months = np.array([fit.threshold["months"].iloc[0] for fit in plausible.values()], dtype=np.float64)
    row["averaged_months"] = float(weight @ months / weight.sum())
    if chosen is not None:
        row["months"] = float(chosen.threshold["months"].iloc[0])
        if not any(fit is chosen for fit in plausible.values()):
            row["note"] = sentences(str(row["note"]), "the chosen form is not among the plausible ones")
    return row


def _of_limits(fits: Mapping[float, OnsetFit], chosen: float) -> dict[str, object]:
    """The band over detection limits."""
    usable = {f"{limit:g} mm": fit for limit, fit in fits.items() if fit.status == OK}
    row = _band(LIMITS_BAND, usable, len(fits))
    if usable and chosen in fits:
        row["months"] = float(fits[chosen].threshold["months"].iloc[0])
        row["note"] = sentences(str(row["note"]), OF_ONSET)
    return row


def _band(name: str, fits: Mapping[str, GrowthFit | OnsetFit], n_readings: int) -> dict[str, object]:
    """Lowest and highest of some readings, months and limits."""
    row: dict[str, object] = dict.fromkeys(COLUMNS[1:7], float("nan")) | {
        "band": name, "ci_method": None, "n_readings": n_readings, "n_plausible": len(fits),
        "readings": "; ".join(fits), "status": OK if fits else NOT_ESTIMABLE,
        "note": "" if fits else "no reading has a certified fit",
    }  # fmt: skip
    if not fits:
        return row
    last = [fit.threshold.iloc[-1] for fit in fits.values()]  # of patients, where they were resampled
    months = [float(fit.threshold["months"].iloc[0]) for fit in fits.values()]
    lower, upper = ([float(limits[end]) for limits in last] for end in ("ci_lower", "ci_upper"))
    row |= {
        "lowest_months": min(months),
        "highest_months": max(months),
        "ci_method": str(last[0]["ci_method"]),
    }
    has_all = bool(np.isfinite([*lower, *upper]).all())
    if has_all:
        row |= {"ci_lower": min(lower), "ci_upper": max(upper)}
    else:
        row["note"] = "a reading has no limit on one side, so the band has none"
    return row
