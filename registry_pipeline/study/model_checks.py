"""How far the multivariable model can be trusted: influence, optimism, coefficients over time, missing values.

Belongs here: which model is examined, and when an examination is left out.
Does not belong here: the examinations (``analysis/``), the model itself (study/cox_models.py).
"""

import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.core.settings import Study
from registry_pipeline.study.analysis import TIMES, Analysis, Inputs, Tables
from registry_pipeline.study.rows import nothing
from registry_pipeline.study.size_effect import left_out
from schemas.study import DESCRIBED, OS

MODEL = "multivariable"
MOST_INFLUENTIAL = 10
MAKES = ("cox_influence", "cox_optimism", "ph_residual", "imputed_cox")


def model_check_results(inputs: Inputs) -> Tables:
    """The tables of :data:`MAKES`, of the multivariable model of overall survival from the study's origin."""
    marts, study = inputs.marts, inputs.study
    label = {"endpoint": OS.name, "origin": study.origin, "model": MODEL}
    frame = marts.times(OS.name, study.origin)
    if not len(frame):
        return {name: nothing(**label) for name in MAKES}
    usable = [name for name in study.multivariable if frame[name].notna().any()]
    # result.cox_term holds the same fit, at which a second engine has looked.
    fit = analysis.fit_cox(frame, "duration_days", "is_event", usable, cross_check=False)
    tables = {
        "cox_influence": _influence(fit, frame, usable),
        "cox_optimism": _optimism(frame, usable, study),
        "ph_residual": _residuals(fit, study),
        "imputed_cox": _imputed(frame, usable, study),
    }
    return {name: rows.assign(**label) for name, rows in tables.items()}


def missing_data_results(inputs: Inputs) -> Tables:
    """``missing_data`` and ``missing_pattern`` of the variables by which the cohort is described."""
    cohort = inputs.marts.cohort
    if not len(cohort):
        return {"missing_data": nothing(), "missing_pattern": nothing()}
    names = dict.fromkeys((*DESCRIBED, *inputs.study.multivariable))
    described = [name for name in names if name in cohort]
    return {
        "missing_data": analysis.missing_counts(cohort, described).assign(status="ok", note=""),
        "missing_pattern": analysis.missing_patterns(cohort, described).assign(status="ok", note=""),
    }


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
    imputed = analysis.fit_cox_imputed(
        frame,
        "duration_days",
        "is_event",
        usable,
        n_imputations=study.imputations,
        seed=study.bootstrap_seed,
    )
    if imputed.status != "ok":
        return nothing(imputed.note)
    counts = imputed.summary[["n", "n_missing", "n_event", "n_imputations", "n_used"]].iloc[0].to_dict()
    return imputed.terms.assign(**counts)


ANALYSES = (
    Analysis(name="checks of the model", reads=TIMES, makes=MAKES, run=model_check_results),
    Analysis(
        name="missing data",
        reads=("mart.cohort",),
        makes=("missing_data", "missing_pattern"),
        run=missing_data_results,
    ),
)
