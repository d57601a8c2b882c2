"""Which Cox fits a table may show, and how much single patients weigh in them.

Belongs here: the consequences of few events per variable, influence per patient, cause-specific models.
Does not belong here: fitting (fit.py), penalties (analysis/cox/firth.py).

Simulations put the least number of events per variable at about 10 (Peduzzi 1995); below 5 the unpenalised
estimate is biased away from no effect, and Firth's is shown alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.counting import binned
from registry_pipeline.analysis.cox.design import as_text
from registry_pipeline.analysis.cox.fit import fit_cox
from registry_pipeline.analysis.cox.result import CoxFit
from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, Frame, series
from registry_pipeline.analysis.times import cause_specific

FEW, TOO_FEW = 10.0, 5.0
FEW_LABEL = "few events per variable"
TOO_FEW_LABEL = "too few events per variable: penalised fit only"
INFLUENCE_COLUMNS = [
    "patient", "n_rows", "term", "dfbeta", "dfbetas", "coefficient", "coefficient_without", "status", "note",
]  # fmt: skip


@checked
def events_label(events_per_variable: float) -> str:
    """Label a model by its events per variable: nothing from 10, a warning below, the penalised fit alone below 5."""
    if not events_per_variable < FEW:
        return ""
    return TOO_FEW_LABEL if events_per_variable < TOO_FEW else FEW_LABEL


@checked
def fit_cox_reported(
    frame: Frame,
    duration: str,
    event: str,
    covariates: Sequence[str],
    entry: str | None = None,
    strata: str | Sequence[str] | None = None,
    cluster: str | Sequence[str] | None = None,
    cross_check: bool = True,
    pool: bool = False,
    limits: bool = True,
    level: float = 0.95,
) -> list[CoxFit]:
    """Fit the model and give the fits that may be shown, in the order to show them.

    From 5 events per variable: the plain fit, and Firth's behind it where a term of the plain fit has no
    estimate. Below 5: Firth's alone (with clusters too, although its limits then ignore them: its note says
    so). A model that no method can bear is one refused fit, with its reason. pool, limits, level: as in `fit_cox`.
    """
    plain = fit_cox(
        frame, duration, event, covariates, entry, strata,
        cluster=cluster, cross_check=cross_check, pool=pool, level=level,
    )  # fmt: skip
    has_lost_term = NOT_ESTIMABLE in (plain.status, *plain.term_status)
    too_few = plain.events_per_variable < TOO_FEW
    if plain.data.n_event < 2 or not (has_lost_term or too_few):
        return [plain]
    firth = fit_cox(
        frame, duration, event, covariates, entry, strata,
        penalty="firth", pool=pool, limits=limits, level=level,
    )  # fmt: skip
    return [firth] if too_few and firth.status == "ok" else [plain, firth]


@checked
def fit_cause_specific(
    frame: Frame,
    duration: str,
    event: str,
    covariates: Sequence[str],
    cause: int = 1,
    entry: str | None = None,
    strata: str | Sequence[str] | None = None,
    cluster: str | Sequence[str] | None = None,
    penalty: str | None = None,
    level: float = 0.95,
) -> CoxFit:
    """Fit a Cox model of the cause-specific hazard: event 0 censored, 1, 2, ...; other causes censor.

    The hazard ratio speaks of the rate among those still at risk, not of the risk: a covariate may raise one
    and lower the other where events compete (`fit_fine_gray`, `cumulative_incidence`).
    """
    single = cause_specific(frame, event, cause)
    return fit_cox(
        single, duration, event, covariates,
        entry=entry, strata=strata, cluster=cluster, penalty=penalty, level=level,
    )  # fmt: skip


@checked
def influence_by_patient(
    fit: CoxFit, patients: Sequence[object] | pd.Series, most: int | None = None
) -> pd.DataFrame:
    """How much each patient moves each coefficient: one row per patient and term, largest dfbetas first.

    patients: whose each row of the fitted frame is, (number of rows of the frame,). most: so many patients of each
    term, those of the largest dfbetas; None for everybody. dfbeta: approximate change of
    the coefficient that the patient's rows make together; dfbetas: in standard errors; coefficient_without: what
    is left. No rows without a certified fit. Raises ValueError when `patients` does not fit the frame.
    """
    rows = fit.influence()
    if fit.model is None or not len(rows):
        return pd.DataFrame(columns=INFLUENCE_COLUMNS)
    owner = series(pd.DataFrame({"patient": list(patients)}), "patient")
    if len(owner) <= int(rows["row"].max()):
        raise ValueError("patients needs one label per row of the frame that was fitted")
    names = [name for name in rows.columns if name != "row"]
    code, labels = pd.factorize(as_text(owner.iloc[rows["row"].to_numpy()]), sort=True)
    counted = np.bincount(code, minlength=len(labels))
    terms = fit.terms.set_index("term")
    parts = []
    for name in names:
        dfbeta = binned(code, rows[name].to_numpy() * fit.data.count, len(labels))
        coefficient = float(terms.loc[name, "coefficient"])
        scaled = dfbeta / float(terms.loc[name, "standard_error"])
        shown = np.argsort(-np.abs(scaled), kind="stable")[:most]
        part = pd.DataFrame({"patient": labels[shown], "n_rows": counted[shown], "term": name})
        parts.append(
            part.assign(
                dfbeta=dfbeta[shown],
                dfbetas=scaled[shown],
                coefficient=coefficient,
                coefficient_without=coefficient - dfbeta[shown],
            )
        )
    table = pd.concat(parts, ignore_index=True).assign(status="ok", note="")
    order = np.argsort(-table["dfbetas"].abs().to_numpy(), kind="stable")
    return table.iloc[order].reset_index(drop=True)[INFLUENCE_COLUMNS]
