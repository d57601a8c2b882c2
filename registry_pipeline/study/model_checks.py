"""How far the multivariable model can be trusted: influence, optimism, coefficients over time, missing values.

Belongs here: which model is examined, and when an examination is left out.
Does not belong here: the examinations (``analysis/``), the model itself (study/cox_models.py).
"""

import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.core.settings import Study
from registry_pipeline.study.marts import Marts
from registry_pipeline.study.rows import nothing
from registry_pipeline.study.size_effect import left_out

MODEL = "multivariable"
MOST_INFLUENTIAL = 10
DESCRIBED = (
    "age_years",
    "figo_stage",
    "histology_group",
    "lesion_site_group",
    "n_lesions",
    "max_diameter_mm",
    "lrt_modality",
    "bed10_gy",
    "months_primary_to_omd",
    "has_concurrent_regional",
    "omd_class",
)
NAMES = (
    "cox_influence",
    "cox_optimism",
    "ph_residual",
    "missing_data",
    "missing_pattern",
    "imputed_cox",
)


def check_results(marts: Marts, study: Study) -> dict[str, pd.DataFrame]:
    """The tables of :data:`NAMES`, of the multivariable model of overall survival from the study's origin."""
    label = {"endpoint": "os", "origin": study.origin, "model": MODEL}
    frame = marts.times("os", study.origin)
    if not len(frame):
        return {name: nothing(**({} if name.startswith("missing") else label)) for name in NAMES}
    usable = [one for one in study.multivariable if frame[one].notna().any()]
    # result.cox_term holds the same fit, at which a second engine has looked.
    fit = analysis.fit_cox(frame, "duration_days", "is_event", usable, second_engine=False)
    made = {
        "cox_influence": _influence(fit, frame, usable),
        "cox_optimism": _optimism(frame, usable, study),
        "ph_residual": _residuals(fit, study),
        "imputed_cox": _imputed(frame, usable, study),
    }
    described = [one for one in dict.fromkeys((*DESCRIBED, *study.multivariable)) if one in marts.cohort]
    missing = {
        "missing_data": analysis.missing_counts(marts.cohort, described).assign(status="ok", note=""),
        "missing_pattern": analysis.missing_patterns(marts.cohort, described).assign(status="ok", note=""),
    }
    return {name: rows.assign(**label) for name, rows in made.items()} | missing


def _influence(fit: analysis.CoxFit, frame: pd.DataFrame, usable: list[str]) -> pd.DataFrame:
    """The patients without whom each coefficient would move most, in standard errors."""
    if fit.status != "ok":
        fit = analysis.fit_cox(frame, "duration_days", "is_event", usable, penalty="firth", limits=False)
    if fit.status != "ok":
        return nothing(fit.note)
    rows = analysis.influence_by_patient(fit, frame["patient_id"], MOST_INFLUENTIAL)
    rows = rows[rows["dfbetas"].notna()].rename(columns={"patient": "patient_id"})
    rows["rank"] = rows.groupby("term").cumcount() + 1.0  # they come with the largest first
    chosen = rows.sort_values(["term", "rank"], ignore_index=True)
    return chosen.assign(method=fit.method, n=fit.data.n, status="ok", note="")


def _optimism(frame: pd.DataFrame, usable: list[str], study: Study) -> pd.DataFrame:
    n = len(frame)
    if not study.bootstrap_replicates or n > study.bootstrap_max_patients:
        return nothing(left_out(n, study), n=n)
    return analysis.bootstrap_concordance(
        frame,
        "duration_days",
        "is_event",
        usable,
        n_bootstrap=study.bootstrap_replicates,
        seed=study.bootstrap_seed,
    )


def _residuals(fit: analysis.CoxFit, study: Study) -> pd.DataFrame:
    """One row per death and term: left out where there are more deaths than a page can show."""
    if fit.data.n > study.bootstrap_max_patients:
        return nothing(left_out(fit.data.n, study))
    rows = analysis.coefficient_over_time(fit)
    return rows.assign(status="ok", note="") if len(rows) else nothing(fit.note or "Too few deaths.")


def _imputed(frame: pd.DataFrame, usable: list[str], study: Study) -> pd.DataFrame:
    """The model after multiple imputation, where covariates are missing."""
    if not frame[usable].isna().any(axis=None):
        return nothing("No covariate of the model is missing: there is nothing to impute.", n=len(frame))
    if not study.imputations:
        return nothing("study.imputations is 0: complete cases stand alone.", n=len(frame))
    if len(frame) > study.bootstrap_max_patients:
        return nothing(left_out(len(frame), study), n=len(frame))
    found = analysis.fit_cox_imputed(
        frame,
        "duration_days",
        "is_event",
        usable,
        n_imputations=study.imputations,
        seed=study.bootstrap_seed,
    )
    if found.status != "ok":
        return nothing(found.note)
    counts = found.summary[["n", "n_missing", "n_event", "n_imputations", "n_used"]].iloc[0].to_dict()
    return found.terms.assign(**counts)
