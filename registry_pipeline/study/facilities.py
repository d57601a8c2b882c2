"""Differences between facilities: observed against expected deaths, and how much facilities differ as a whole.

Belongs here: which endpoint, and which case mix is adjusted for. Does not belong here: how (``analysis/``).
"""

import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.study.analysis import TIMES, Analysis, Inputs, Tables
from registry_pipeline.study.rows import joined, nothing
from schemas.study import FACILITY, OS, PRIMARY_DX, REGISTRY_COVARIATES

COLUMNS = ("duration_days", "is_event", FACILITY.name)
ONE_FACILITY = "Only one facility has patients: there is nothing to compare."


def facility_results(inputs: Inputs) -> Tables:
    """``facility_funnel`` and ``facility_frailty``: overall survival of the cohort, else of the registry."""
    origin = inputs.study.origin if len(inputs.marts.cohort) else PRIMARY_DX.name
    label = {"endpoint": OS.name, "origin": origin}
    frame = inputs.marts.times(OS.name, origin)
    if not len(frame):
        return {name: nothing(**label) for name in ("facility_funnel", "facility_frailty")}
    if frame[FACILITY.name].nunique() < 2:
        return {name: nothing(ONE_FACILITY, **label) for name in ("facility_funnel", "facility_frailty")}
    adjusted_for = inputs.study.multivariable if len(inputs.marts.cohort) else REGISTRY_COVARIATES
    case_mix = [name for name in adjusted_for if frame[name].notna().any()]
    funnels: list[pd.DataFrame] = []
    frailties: list[pd.DataFrame] = []
    for covariates in ([], case_mix):
        own = {**label, "adjustment": ", ".join(covariates) or "none"}
        funnels.append(analysis.facility_funnel(frame, *COLUMNS, covariates).assign(**own))
        frailties.append(analysis.fit_shared_frailty(frame, *COLUMNS, covariates).summary.assign(**own))
    return {"facility_funnel": joined(funnels), "facility_frailty": joined(frailties)}


ANALYSES = (
    Analysis(
        name="facilities", reads=TIMES, makes=("facility_funnel", "facility_frailty"), run=facility_results
    ),
)
