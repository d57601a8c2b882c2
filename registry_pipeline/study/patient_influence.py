"""What each patient does to the numbers that findings are ranked by, and what one patient more could do.

Belongs here: which numbers, of which frames, and when one cannot be given.
Does not belong here: estimates without a patient (``analysis/``), from findings to patients (``finding_impact.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.analysis.cox.leave_one_out import (
    coefficient_with_one_more,
    coefficient_without_each,
)
from registry_pipeline.analysis.growth.leave_one_out import months_with_one_more, months_without_each
from registry_pipeline.analysis.growth.lesions import patient_labels, usable_lesions
from registry_pipeline.analysis.inputs import Floats
from registry_pipeline.analysis.survival.leave_one_out import survival_with_one_more, survival_without_each
from registry_pipeline.core.units import DAYS_PER_MONTH
from registry_pipeline.study.analysis import TIMES, Analysis, Inputs, Tables
from registry_pipeline.study.growth import COLUMNS, NO_LESION
from registry_pipeline.study.rows import NO_COHORT, joined
from schemas.study import (
    HAZARD_RATIO_SIZE,
    HORIZON_MONTHS,
    IS_SMALL,
    MONTHS_TO_CUTPOINT,
    OS,
    OS_36_MONTHS,
    OS_36_MONTHS_REGISTRY,
    PRIMARY_DX,
    Measure,
)

NOBODY = "Nobody is analysed."
NO_RATIO = "The multivariable model of overall survival gives size no estimate."
NO_MONTHS = "The growth curve is not certified, or lies above the cutpoint at the last negative CT."


@dataclass(frozen=True)
class Influence:
    """What single patients do to a number.

    Attributes:
        patients: whom it rests on.
        now: the number.
        without: without each of them; NaN where it then has no estimate.
        method: how each was found.
        bounds: the lowest and the highest with one patient more.
        standard_error: of the number; of a ratio that of its logarithm.
        note: why there is no number.
    """

    patients: list[str] = field(default_factory=list)
    now: float = float("nan")
    without: Floats = field(default_factory=lambda: np.empty(0))
    method: list[str] = field(default_factory=list)
    bounds: tuple[float, float] = (float("nan"), float("nan"))
    standard_error: float = float("nan")
    note: str = ""


def patient_influence_results(inputs: Inputs) -> Tables:
    """The tables ``patient_influence`` and ``one_more_patient``."""
    each, more = [], []
    cutpoint = f"{inputs.study.cutpoint_mm:g} mm"
    for measure, influence in _measures(inputs):
        rows = {
            "patient_id": influence.patients,
            "value_without": influence.without,
            "method": influence.method,
        }
        each.append(pd.DataFrame(rows).assign(measure=measure.name, value_now=influence.now))
        more.append(_one_more(measure, influence, cutpoint))
    return {"patient_influence": joined(each), "one_more_patient": pd.DataFrame(more)}


def _measures(inputs: Inputs) -> Iterator[tuple[Measure, Influence]]:
    times = inputs.marts.times(OS.name, inputs.study.origin)
    if times["duration_days"].notna().any():
        yield OS_36_MONTHS, _survival(times)
    else:
        yield OS_36_MONTHS, Influence(note=NO_COHORT)
        yield OS_36_MONTHS_REGISTRY, _survival(inputs.marts.times(OS.name, PRIMARY_DX.name))
    yield HAZARD_RATIO_SIZE, _hazard_ratio(times, inputs)
    yield MONTHS_TO_CUTPOINT, _months(inputs)


def _one_more(measure: Measure, influence: Influence, cutpoint: str) -> dict[str, object]:
    return {
        "measure": measure.name,
        "description": measure.label.format(cutpoint=cutpoint),
        "unit": measure.unit or None,
        "n": len(influence.patients),
        "value_now": influence.now,
        "lowest": influence.bounds[0],
        "highest": influence.bounds[1],
        "standard_error": influence.standard_error,
        "status": "not_estimable" if influence.note else "ok",
        "note": influence.note,
    }


def _survival(times: pd.DataFrame) -> Influence:
    """Exact for every patient, by the product-limit formula."""
    observed = times[times["duration_days"].notna()]
    if observed.empty:
        return Influence(note=NOBODY)
    durations, events = observed["duration_days"].to_numpy(float), observed["is_event"].to_numpy(float)
    at = HORIZON_MONTHS * DAYS_PER_MONTH
    now, without = survival_without_each(durations, events, at)
    n = len(without)
    error = float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())) if n > 1 else float("nan")
    patients = observed["patient_id"].astype(str).tolist()
    bounds = survival_with_one_more(durations, events, at)
    return Influence(patients, now, without, ["exact"] * n, bounds, error)


def _hazard_ratio(times: pd.DataFrame, inputs: Inputs) -> Influence:
    """Of the fit whose ratio is the study's: the plain one, or Firth's where that has no estimate of it."""
    covariates = [name for name in inputs.study.multivariable if name in times and times[name].notna().any()]
    if IS_SMALL.name not in covariates:
        return Influence(note=NO_RATIO)
    fits = analysis.fit_cox_reported(
        times, "duration_days", "is_event", covariates, cross_check=False, limits=False
    )
    for fit in fits:
        result = coefficient_without_each(fit, IS_SMALL.name, np.arange(len(fit.data.row)))
        more = coefficient_with_one_more(fit, IS_SMALL.name)
        if result is None or more is None:
            continue
        now = float(fit.terms.set_index("term").loc[IS_SMALL.name, "hazard_ratio"])
        return Influence(
            times["patient_id"].iloc[fit.data.row].astype(str).tolist(),
            now,
            np.exp(result.coefficient),
            np.where(result.is_refit, "refit", "one_step").tolist(),
            (float(np.exp(more[0])), float(np.exp(more[1]))),
            result.standard_error,
        )
    return Influence(note=NO_RATIO)


def _months(inputs: Inputs) -> Influence:
    study, lesions = inputs.study, inputs.marts.lesion_growth
    lesions = lesions[lesions["is_included"].astype(bool)]
    if lesions.empty:
        return Influence(note=NO_LESION)
    fit = analysis.fit_growth(
        lesions,
        *COLUMNS,
        study.growth_model,
        study.growth_error_model,
        "patient_id",
        study.cutpoint_mm,
        n_bootstrap=0,
    )
    usable = usable_lesions(lesions, *COLUMNS, "patient_id")
    patients = patient_labels(lesions, *COLUMNS, "patient_id")
    result = months_without_each(fit, usable, np.arange(len(patients)))
    more = months_with_one_more(fit, usable)
    if result is None or more is None or fit.status != "ok":
        return Influence(note=NO_MONTHS)
    method = np.where(result.is_refit, "refit", "one_step").tolist()
    now = float(fit.threshold["months"].iloc[0])
    return Influence(patients, now, result.months, method, more, result.standard_error)


ANALYSES = (
    Analysis(
        name="influence of single patients",
        reads=(*TIMES, "mart.lesion_growth"),
        makes=("patient_influence", "one_more_patient"),
        run=patient_influence_results,
    ),
)
