"""How far the growth answer depends on choices that the data cannot settle, and on single patients.

Belongs here: the same estimate under other forms, error models, lesions, thresholds and detection limits; the
estimate without each patient in turn.
Does not belong here: the fits themselves (growth.py, analysis/growth/onset.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.growth.fit import ABOVE_AT_ZERO, ERROR_MODELS, MODELS, GrowthFit, fit_growth
from registry_pipeline.analysis.growth.intervals import sentences
from registry_pipeline.analysis.growth.leave_one_out import months_of, refits_without
from registry_pipeline.analysis.growth.lesions import lesion_numbers, patient_labels, usable_lesions
from registry_pipeline.analysis.growth.onset import OnsetFit, fit_interval_onset
from registry_pipeline.analysis.inputs import Frame, as_pandas, require_columns

SENSITIVITY_COLUMNS = [
    "variant", "reading", "model", "error_model", "estimand", "n_lesions", "n_patients", "threshold_mm",
    "months", "ci_lower", "ci_upper", "ci_method", "is_extrapolated", "change_months", "status", "note",
]  # fmt: skip
INFLUENCE_COLUMNS = [
    "patient", "n_lesions", "months", "months_without", "change_months", "rank", "status", "note",
]  # fmt: skip
REGRESSION = "interval since the last negative CT at which the fitted diameter is the threshold"
ONSET = "months of a lesion of median rate from the detection limit to the threshold"
CURRENT = "as reported"
OUTSIDE = "the months lie outside the intervals of the lesions used"


@checked
def growth_sensitivity(
    frame: Frame,
    interval_months: str = "months_since_negative_ct",
    diameter_mm: str = "diameter_mm",
    patient: str | None = "patient_id",
    threshold_mm: float = 15.0,
    model: str = "exponential",
    error_model: str = "additive",
    *,
    node: str | None = None,
    longest_interval: float = 6.0,
    thresholds: Sequence[float] = (10.0, 20.0),
    detection_limits: Sequence[float] = (3.0, 4.0, 5.0),
    fits: Mapping[tuple[str, str], GrowthFit] | None = None,
    onset: OnsetFit | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Months to the threshold under other readings of the same lesions; the reported reading first.

    variant names what was changed (form, lesions, threshold, onset) and reading how: every form and error
    model; one lesion per patient (the largest); intervals up to longest_interval only; without nodes (where
    `node`, a truth value, is named); other thresholds (mm); and the likelihood with interval-censored onset for each
    detection limit (mm), whose estimand is another and is named. is_extrapolated: the months lie outside the intervals
    of the lesions that the reading used. change_months: less the reported reading.
    fits: fits of all the lesions that exist already, by model and error model; onset: the one of the onset, which
    stands for its own threshold and detection limit. Profile limits of `level`; fits and onset have theirs already. A reading that the data cannot carry keeps its
    status and note.
    """
    require_columns(frame, [interval_months, diameter_mm, patient, node])
    data = as_pandas(frame)
    columns, result = (interval_months, diameter_mm), fits or {}
    others = [(m, e) for m in MODELS for e in ERROR_MODELS if (m, e) != (model, error_model)]
    rows: list[dict[str, Any]] = []
    for form, error in ((model, error_model), *others):
        fit = result.get((form, error)) or fit_growth(
            data, *columns, form, error, patient, threshold_mm, n_bootstrap=0, level=level
        )
        rows.append(_row("form" if rows else CURRENT, f"{form}, {error} error", fit, REGRESSION))
    for reading, part in _parts(data, interval_months, diameter_mm, patient, node, longest_interval):
        fit = fit_growth(
            part, *columns, model, error_model, patient, threshold_mm, n_bootstrap=0, level=level
        )
        rows.append(_row("lesions", reading, fit, REGRESSION))
    for other in thresholds:
        fit = fit_growth(data, *columns, model, error_model, patient, other, n_bootstrap=0, level=level)
        rows.append(_row("threshold", f"{other:g} mm", fit, REGRESSION))
    for limit in (detection_limit for detection_limit in detection_limits if detection_limit < threshold_mm):
        limits = (threshold_mm, limit)
        if onset is not None and (onset.threshold_mm, onset.detection_limit_mm) == limits:
            read = onset
        else:
            read = fit_interval_onset(data, *columns, patient, *limits, level=level)
        rows.append(_row("onset", f"interval-censored onset, detection limit {limit:g} mm", read, ONSET))
    table = pd.DataFrame(rows, columns=SENSITIVITY_COLUMNS)
    comparable = (table["estimand"] == REGRESSION) & (table["variant"] != "threshold")
    table["change_months"] = (table["months"] - table["months"].iloc[0]).where(comparable)
    return table


def _parts(
    data: pd.DataFrame, interval: str, diameter: str, patient: str | None, node: str | None, longest: float
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Subsets of the lesions, each with what it is."""
    months, size = lesion_numbers(data, interval), lesion_numbers(data, diameter)
    with np.errstate(invalid="ignore"):
        yield f"intervals up to {longest:g} months", data[months <= longest]
    if patient is not None:
        usable = data[(months > 0) & (size > 0)]
        order = np.lexsort((np.arange(len(usable)), -lesion_numbers(usable, diameter)))
        yield "the largest lesion of each patient", usable.iloc[order].drop_duplicates(patient).sort_index()
    if node is not None:
        is_node = data[node].astype("boolean")
        yield "without lymph nodes", data[~is_node.fillna(False).to_numpy(dtype=bool)]


def _row(variant: str, reading: str, fit: GrowthFit | OnsetFit, estimand: str) -> dict[str, Any]:
    """One reading as a row."""
    threshold = fit.threshold.iloc[0]
    columns = (
        "model",
        "error_model",
        "n_lesions",
        "n_patients",
        "threshold_mm",
        "months",
        "ci_lower",
        "ci_upper",
    )
    row = {name: threshold[name] for name in (*columns, "ci_method", "is_extrapolated", "status", "note")}
    row["note"] = sentences(row["note"], OUTSIDE if row["is_extrapolated"] else "")
    return {"variant": variant, "reading": reading, "estimand": estimand, "change_months": np.nan} | row


@checked
def growth_influence(
    frame: Frame,
    interval_months: str = "months_since_negative_ct",
    diameter_mm: str = "diameter_mm",
    patient: str = "patient_id",
    model: str = "exponential",
    error_model: str = "additive",
    threshold_mm: float = 15.0,
) -> pd.DataFrame:
    """Months to the threshold without each patient in turn: one row per patient, the largest change first.

    months: with everybody; months_without: the fit without the patient's lesions, NaN where it does not converge
    (status not_converged), or the curve lies above the threshold from the start (not_estimable). No rows where the fit
    with everybody is not certified, or gives no months.
    """
    fit = fit_growth(
        frame, interval_months, diameter_mm, model, error_model, patient, threshold_mm, n_bootstrap=0
    )
    lesions = usable_lesions(frame, interval_months, diameter_mm, patient)
    has_months = bool(fit.converged and pd.notna(fit.threshold["months"].iloc[0]))
    if not has_months or lesions.patient is None or (lesions.n_patients or 0) < 2:
        return pd.DataFrame(columns=INFLUENCE_COLUMNS)
    names = patient_labels(frame, interval_months, diameter_mm, patient)
    n_patients = len(names)
    start = np.tile(fit.estimates, (n_patients, 1))
    parameters, usable = refits_without(fit, lesions, np.arange(n_patients), start)
    without = np.where(usable, months_of(fit, parameters), np.nan)
    is_above = usable & np.isnan(without)
    months = float(months_of(fit, fit.estimates[None, :])[0])
    table = pd.DataFrame(
        {
            "patient": names,
            "n_lesions": np.bincount(lesions.patient, minlength=n_patients),
            "months": months,
            "months_without": without,
            "change_months": without - months,
            "status": np.select([is_above, usable], ["not_estimable", "ok"], "not_converged"),
            "note": np.select(
                [is_above, usable], [ABOVE_AT_ZERO, ""], "the fit without this patient did not converge"
            ),
        }
    )
    change = np.abs(without - months)
    order = np.argsort(-np.where(np.isnan(change), np.inf, change), kind="stable")
    table = table.iloc[order].reset_index(drop=True)
    return table.assign(rank=np.arange(1, len(table) + 1))[INFLUENCE_COLUMNS]
