"""Absolute risk by the multivariable model: adjusted survival, its calibration and accuracy.

Belongs here: which model, at which times, and when the bootstrap is left out. Does not belong here: how (``analysis/``).
"""

from collections.abc import Sequence

import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.core.settings import Study
from registry_pipeline.study.analysis import TIMES, Analysis, Inputs, Tables
from registry_pipeline.study.marts import TIME
from registry_pipeline.study.rows import joined, nothing
from registry_pipeline.study.size_effect import left_out
from schemas.study import IS_SMALL, OS, SITE, SITE_TWO, SIZE_GROUP, VARIABLES

MAKES = ("prediction_standardised", "prediction_accuracy", "prediction_calibration")
STANDARDISED = (IS_SMALL.name, SIZE_GROUP.name, SITE.name, SITE_TWO.name)
REPLICATES = 100


def prediction_results(inputs: Inputs) -> Tables:
    """The tables of :data:`MAKES`, of overall survival from the study's origin."""
    study = inputs.study
    label = {"endpoint": OS.name, "origin": study.origin}
    frame = inputs.marts.times(OS.name, study.origin)
    usable = [name for name in study.multivariable if name in frame and frame[name].notna().any()]
    if not len(frame) or not usable:
        return {name: nothing(**label) for name in MAKES}
    fit = analysis.fit_cox(frame, *TIME, usable, cross_check=False)
    marks = [months * study.days_per_month for months in study.landmark_months]
    levels = [_standardised(fit, name, marks) for name in STANDARDISED if name in usable]
    levels = levels or [nothing("No size and no site is in the model.")]
    replicates = _replicates(study, len(frame))
    tables = {
        "prediction_standardised": joined(levels),
        "prediction_accuracy": analysis.prediction_accuracy(
            frame, *TIME, usable, marks, replicates, study.bootstrap_seed
        )
        if replicates
        else nothing(left_out(len(frame), study), n=len(frame)),
        "prediction_calibration": analysis.calibration(
            fit, marks, n_bootstrap=replicates, seed=study.bootstrap_seed
        ),
    }
    return {name: rows.assign(**label) for name, rows in tables.items()}


def _standardised(fit: analysis.CoxFit, name: str, marks: Sequence[float]) -> pd.DataFrame:
    """Adjusted survival of each level, a truth value as groups name it."""
    rows = analysis.standardised_survival(fit, name, marks)
    is_truth = VARIABLES[name].column.kind == "boolean"
    return rows.assign(level=rows["level"].replace({"0": "False", "1": "True"})) if is_truth else rows


def _replicates(study: Study, n: int) -> int:
    """Bootstrap samples of n patients; none where they are too many, or none are asked for."""
    return 0 if n > study.bootstrap_max_patients else min(study.bootstrap_replicates, REPLICATES)


ANALYSES = (Analysis(name="absolute risk", reads=TIMES, makes=MAKES, run=prediction_results),)
