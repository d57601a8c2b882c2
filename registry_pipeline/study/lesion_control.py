"""Local control lesion by lesion, patients as clusters.

Belongs here: which lesion-level estimates are made. Does not belong here: how (``analysis/``).
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.study.analysis import Analysis, Inputs, Tables
from registry_pipeline.study.rows import joined, nothing
from schemas.disease.wording import SITE_OF_INTEREST
from schemas.study import IS_SMALL, LESION_AT_SITE, SITE, SIZE_GROUP

STRATA = (None, SITE.name, SIZE_GROUP.name)
COVARIATES = (IS_SMALL.name, LESION_AT_SITE.name)
PENALISED_NOTE = "The penalised fit does not know that lesions of one patient are alike."
NO_LESION = "No treated lesion of the cohort was followed."


def lesion_results(inputs: Inputs) -> Tables:
    """``lesion_local_control`` at the landmarks and ``lesion_cox`` with robust standard errors."""
    lesions, study = inputs.marts.lesion_control, inputs.study
    if lesions.empty:
        return {"lesion_local_control": nothing(NO_LESION), "lesion_cox": nothing(NO_LESION)}
    frame = lesions.assign(is_event=(lesions["event"] == 1).astype(int))
    frame[LESION_AT_SITE.name] = lesions[SITE.name] == SITE_OF_INTEREST
    marks = [months * study.days_per_month for months in study.landmark_months]
    return {
        "lesion_local_control": joined(list(_rates(frame, marks))),
        "lesion_cox": joined(list(_models(frame))),
    }


def _rates(frame: pd.DataFrame, marks: list[float]) -> Iterator[pd.DataFrame]:
    """Freedom from recurrence with deaths censored, and the incidence with deaths competing."""
    everybody = analysis.PreparedFrame(frame)
    for by in STRATA:
        is_known = True if by is None else frame[by].notna()
        classified = everybody if np.all(is_known) else analysis.PreparedFrame(frame[is_known])
        if not len(classified):
            continue
        curve = analysis.clustered_survival(classified, "duration_days", "is_event", "patient_id", marks, by)
        yield curve.rename(columns={"survival": "estimate"}).assign(estimator="kaplan_meier")
        risk = analysis.clustered_incidence(classified, "duration_days", "event", "patient_id", marks, by)
        own = risk[risk["cause"] == 1]
        yield own.rename(columns={"incidence": "estimate"}).assign(estimator="aalen_johansen")


def _models(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Cause-specific hazard ratios per lesion; Firth's without clusters where a group has no event."""
    for covariate in COVARIATES:
        columns = ("duration_days", "is_event", [covariate])
        for fit in analysis.fit_cox_reported(frame, *columns, cluster="patient_id"):
            counts = {"model": f"univariable:{covariate}", "n": fit.data.n, "n_event": fit.data.n_event}
            counts["n_cluster"] = int(frame["patient_id"].nunique())
            note = PENALISED_NOTE if fit.method == "firth" else fit.note
            yield fit.terms.assign(**counts, note=note)


ANALYSES = (
    Analysis(
        name="lesions",
        reads=("mart.lesion_control",),
        makes=("lesion_local_control", "lesion_cox"),
        run=lesion_results,
    ),
)
