"""Growth results: fits, intervals, curves, sensitivity, influence, repeated measurements, the planner.

Belongs here: which growth estimates are made, and when a costly one is left out.
Does not belong here: how they are computed (``analysis/``).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.analysis.growth.fit import ERROR_MODELS, MODELS, GrowthFit
from registry_pipeline.analysis.growth.onset import OnsetFit
from registry_pipeline.core.settings import Study
from registry_pipeline.study.analysis import Analysis, Inputs, Tables
from registry_pipeline.study.rows import joined, nothing
from schemas.disease.wording import NODAL_SITES

COLUMNS = ("months_since_negative_ct", "diameter_mm")
DETECTION_LIMITS_MM = (3.0, 4.0, 5.0)
NO_LESION = "No lesion has both a size and a negative CT before it."


def growth_results(inputs: Inputs) -> Tables:
    """The tables of one reading per lesion: fits, thresholds, shares, curves, the planner, sensitivity, influence."""
    marts, study = inputs.marts, inputs.study
    lesions = marts.lesion_growth[marts.lesion_growth["is_included"].astype(bool)]
    lesions = lesions.assign(patient_id=lesions["patient_id"].astype("category"))  # told apart many times
    replicates = study.bootstrap_replicates if len(lesions) <= study.bootstrap_max_lesions else 0
    fits = {
        (model, error): analysis.fit_growth(
            lesions,
            *COLUMNS,
            model,
            error,
            "patient_id",
            study.cutpoint_mm,
            n_bootstrap=replicates,
            seed=study.bootstrap_seed,
        )
        for model in MODELS
        for error in ERROR_MODELS
    }
    onset = analysis.fit_interval_onset(
        lesions, *COLUMNS, "patient_id", study.cutpoint_mm, study.detection_limit_mm,
        n_bootstrap=replicates, seed=study.bootstrap_seed,
    )  # fmt: skip
    all_fits: tuple[GrowthFit | OnsetFit, ...] = (*fits.values(), onset)
    shares = analysis.share_by_interval(lesions, cutpoint=study.cutpoint_mm, patient="patient_id")
    return {
        "growth_fit": pd.concat([fit.parameters for fit in all_fits], ignore_index=True),
        "growth_threshold": pd.concat([fit.threshold for fit in all_fits], ignore_index=True),
        "growth_share": shares,
        "surveillance": _planned(fits, onset, shares, study),
        "growth_curve": _curves(list(fits.values()), lesions),
        "growth_sensitivity": _sensitivity(lesions, study, fits, onset),
        "growth_influence": _influence(lesions, study),
        "growth_band": _bands(lesions, study, fits),
    }


def _planned(
    fits: Mapping[tuple[str, str], GrowthFit], onset: OnsetFit, shares: pd.DataFrame, study: Study
) -> pd.DataFrame:
    """The planner by the study's form with both error models, which differ in what they say of small lesions."""
    both = sorted(ERROR_MODELS, key=lambda error: error != study.growth_error_model)
    curves = {error: fits[study.growth_model, error] for error in both}
    parts = []
    planned: tuple[GrowthFit | OnsetFit, ...] = (*curves.values(), onset)
    for fit in planned:
        rows = analysis.plan_surveillance(
            fit, cutpoint_mm=study.cutpoint_mm, detection_limit_mm=study.detection_limit_mm, observed=shares
        )
        if isinstance(fit, GrowthFit):
            rows["note"] = [" ".join(filter(None, (note, _better(fit, curves)))) for note in rows["note"]]
        parts.append(rows)
    return pd.concat(parts, ignore_index=True)


def _better(fit: GrowthFit, curves: Mapping[str, GrowthFit]) -> str:
    """Which error model fits better, where both were fitted."""
    other = next(curve for error, curve in curves.items() if error != fit.error_model)
    if not fit.aicc < np.inf or not other.aicc < np.inf:
        return ""
    word = "better" if fit.aicc < other.aicc else "worse"
    return f"{fit.error_model.capitalize()} error fits {word} than {other.error_model} (AICc {fit.aicc:.1f} and {other.aicc:.1f})."


def _curves(fits: Sequence[GrowthFit], lesions: pd.DataFrame) -> pd.DataFrame:
    """Curves with bands to the longest interval; a form without a certified curve says why."""
    if lesions.empty:
        return nothing(NO_LESION)
    last = float(lesions["months_since_negative_ct"].max())
    parts = []
    for fit in fits:
        rows = analysis.growth_curve(fit, last)
        label = {"model": fit.model, "error_model": fit.error_model}
        parts.append(
            rows.assign(status=fit.status, note=fit.note)
            if len(rows)
            else pd.DataFrame([{**label, "status": fit.status, "note": fit.note}])
        )
    return joined(parts)


def _sensitivity(
    lesions: pd.DataFrame, study: Study, fits: Mapping[tuple[str, str], GrowthFit], onset: OnsetFit
) -> pd.DataFrame:
    """The interval to the cutpoint under other choices: lesions, axis of nodes, thresholds, detection limits."""
    if lesions.empty:
        return nothing(NO_LESION)
    marked = lesions.assign(is_node=lesions["lesion_site"].isin(NODAL_SITES))
    return analysis.growth_sensitivity(
        marked,
        *COLUMNS,
        patient="patient_id",
        threshold_mm=study.cutpoint_mm,
        model=study.growth_model,
        error_model=study.growth_error_model,
        node="is_node",
        longest_interval=float(study.interval_months),
        fits=fits,
        onset=onset,
    )


def _bands(lesions: pd.DataFrame, study: Study, fits: Mapping[tuple[str, str], GrowthFit]) -> pd.DataFrame:
    """The interval to the cutpoint over plausible forms, and from each plausible detection limit."""
    if lesions.empty:
        return nothing(NO_LESION)
    limits = sorted({*DETECTION_LIMITS_MM, study.detection_limit_mm})
    return analysis.growth_bands(
        lesions,
        *COLUMNS,
        "patient_id",
        study.cutpoint_mm,
        study.growth_model,
        study.growth_error_model,
        detection_limit_mm=study.detection_limit_mm,
        detection_limits=[limit for limit in limits if limit < study.cutpoint_mm],
        n_bootstrap=0,  # the fits of all forms have theirs
        fits=fits,
    )


def _influence(lesions: pd.DataFrame, study: Study) -> pd.DataFrame:
    """The interval to the cutpoint without each patient in turn."""
    n = lesions["patient_id"].nunique()
    if not n:
        return nothing(NO_LESION)
    if n > study.influence_max_patients:
        return nothing(
            f"{n} patients are more than study.influence_max_patients ({study.influence_max_patients}): left out."
        )
    rows = analysis.growth_influence(
        lesions,
        *COLUMNS,
        patient="patient_id",
        model=study.growth_model,
        error_model=study.growth_error_model,
        threshold_mm=study.cutpoint_mm,
    )
    return rows.rename(columns={"patient": "patient_id"})


def serial_growth_results(inputs: Inputs) -> Tables:
    """Lesions measured more than once before treatment: the rate of each, and a mixed model of all."""
    series = inputs.marts.lesion_size
    if series.empty:
        note = "No lesion of the cohort has a size before treatment on record."
        return {"growth_serial": nothing(note), "growth_mixed": nothing(note)}
    repeated = series[series.duplicated("lesion_id", keep=False)]
    if repeated.empty:
        note = "No lesion of the cohort was measured more than once before therapy."
        return {"growth_serial": nothing(note), "growth_mixed": nothing(note)}
    rates = analysis.lesion_growth_rates(repeated)
    owner = repeated.drop_duplicates("lesion_id").set_index("lesion_id")["patient_id"]
    mixed = analysis.fit_growth_mixed(series, patient="patient_id")
    return {
        "growth_serial": rates.assign(patient_id=rates["lesion_id"].map(owner)),
        "growth_mixed": mixed.parameters,
    }


ANALYSES = (
    Analysis(
        name="growth",
        reads=("mart.lesion_growth",),
        makes=(
            "growth_fit",
            "growth_threshold",
            "growth_share",
            "surveillance",
            "growth_curve",
            "growth_sensitivity",
            "growth_influence",
            "growth_band",
        ),
        run=growth_results,
    ),
    Analysis(
        name="growth of lesions measured repeatedly",
        reads=("mart.lesion_size",),
        makes=("growth_serial", "growth_mixed"),
        run=serial_growth_results,
    ),
)
