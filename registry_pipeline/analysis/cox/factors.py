"""Tests of whole covariates: stage or histology as one question, however many levels they have.

Belongs here: Wald and likelihood-ratio tests of all terms of a covariate, and of their proportional hazards.
Does not belong here: tests of single terms (result.py).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.cox.estimates import wald_statistic
from registry_pipeline.analysis.cox.levels import RARE_NOTE, is_rare
from registry_pipeline.analysis.cox.proportional_hazards import ph_score, quadratic, transformed_time
from registry_pipeline.analysis.cox.ratio import ratio_statistic
from registry_pipeline.analysis.cox.result import CoxFit
from registry_pipeline.analysis.distributions import chi_square_p
from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, OK

COLUMNS = [
    "covariate", "degrees_of_freedom", "wald_chi_square", "wald_p_value", "likelihood_ratio_chi_square",
    "likelihood_ratio_p_value", "ph_chi_square", "ph_p_value", "method", "status", "note",
]  # fmt: skip
DEPENDENT_NOTE = "No likelihood-ratio test: rows depend on each other or are weighted."
LOST_NOTE = "Some levels have no estimate of their own; the test is of the others."


@checked
def factor_tests(fit: CoxFit) -> pd.DataFrame:
    """Test each covariate of a model as a whole: one row per covariate, in the order of the model.

    Wald with the model's covariance (robust where clusters or weights made it so: then by F with clusters less
    coefficients degrees of freedom); likelihood ratio against the model without the covariate (R drop1), of the
    plain likelihood for Firth's too; proportional hazards of all its terms against Kaplan-Meier time (R cox.zph).
    A refused model, and a covariate without any estimate, have no numbers.
    """
    names = list(dict.fromkeys(fit.data.covariates))
    rows = [_row(fit, name) for name in names]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(fit: CoxFit, covariate: str) -> dict[str, object]:
    """One covariate."""
    own = fit.data.positions(covariate)
    used = [j for j in own if j in fit.used]
    row: dict[str, object] = dict.fromkeys(COLUMNS, float("nan"))
    row |= {"covariate": covariate, "degrees_of_freedom": len(used), "method": fit.method}
    if fit.status != OK or not used or fit.model is None:
        reason = fit.note if fit.status != OK else f"{covariate} has no estimate of its own."
        return row | {"status": NOT_ESTIMABLE, "note": reason}
    is_dependent = fit.data.cluster is not None or fit.data.is_weighted
    row |= _wald(fit, used, is_dependent)
    notes = [LOST_NOTE] if len(used) < len(own) else []
    if is_rare(fit.data.levels[j] for j in used):
        row["wald_p_value"] = float("nan")
        notes.append(RARE_NOTE)
    if is_dependent:
        notes.append(DEPENDENT_NOTE)
    else:
        statistic = ratio_statistic(
            fit.model, [fit.independent.index(j) for j in used], is_maximum=fit.method != "firth"
        )
        row |= {
            "likelihood_ratio_chi_square": statistic,
            "likelihood_ratio_p_value": chi_square_p(statistic, len(used)),
        }
    if fit.method != "firth":
        statistic = _proportional_hazards(fit, [fit.independent.index(j) for j in used])
        row |= {"ph_chi_square": statistic, "ph_p_value": chi_square_p(statistic, len(used))}
    return row | {"status": OK, "note": " ".join(notes)}


def _wald(fit: CoxFit, used: list[int], is_dependent: bool) -> dict[str, float]:
    """Chi-square of the covariate's coefficients, and its p value."""
    assert fit.estimates is not None
    at = [fit.used.index(j) for j in used]
    statistic = wald_statistic(fit.estimates.beta[at], fit.estimates.covariance[np.ix_(at, at)])
    if not is_dependent:
        return {"wald_chi_square": statistic, "wald_p_value": chi_square_p(statistic, len(used))}
    from scipy.special import fdtrc

    freedom = fit.data.n_cluster - len(fit.independent)
    return {
        "wald_chi_square": statistic,
        "wald_p_value": float(fdtrc(len(used), freedom, statistic / len(used))),
    }


def _proportional_hazards(fit: CoxFit, at: list[int]) -> float:
    """Chi-square of a trend of the covariate's coefficients with Kaplan-Meier time."""
    assert fit.model is not None
    patients = np.ones(len(fit.data.row)) if fit.data.is_weighted else fit.data.count
    g = transformed_time(fit.data.times, patients, "km")
    with np.errstate(all="ignore"):
        score, adjusted = ph_score(fit.model.sets, fit.model.x, fit.model.evaluation, g)
    return quadratic(score[at], adjusted[np.ix_(at, at)])
