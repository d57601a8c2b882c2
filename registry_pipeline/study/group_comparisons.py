"""Comparisons of groups beyond the plain log-rank test, and readings against immortal time.

Belongs here: weighted and stratified tests, differences of restricted means, landmarks, delayed entry.
Does not belong here: how they are computed (``analysis/``); curves and plain tests (study/survival.py).
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.core.settings import Study
from registry_pipeline.study.analysis import TIMES, Analysis, Inputs, Tables, from_cohort_origins
from registry_pipeline.study.marts import Marts
from registry_pipeline.study.rows import joined, nothing
from schemas.study import LRT_START, MAIN_GROUPINGS, OMD_DX, OS, PFS, names

COMPARED = names(OS, PFS)
STRATIFIERS = dict(zip(MAIN_GROUPINGS, reversed(MAIN_GROUPINGS), strict=True))
"""Each grouping is also tested within strata of the other."""
WEIGHTINGS: tuple[Any, ...] = (None, "peto", ("fleming-harrington", 0, 1))
LANDMARKS_MONTHS = (6, 12)
HORIZON_MONTHS = 24
RECURRED = "had_recurred"


def group_results(inputs: Inputs) -> Tables:
    """``logrank_weighted`` and ``rmst_difference``."""
    marts, study = inputs.marts, inputs.study
    weighted, differences = [], []
    for endpoint, origin in inputs.pairs:
        label = {"endpoint": endpoint, "origin": origin}
        frame = marts.groups(endpoint, origin)
        if not len(frame):
            weighted.append(nothing(**label))
            differences.append(nothing(**label))
            continue
        weighted += [rows.assign(**label) for rows in _weighted(frame)]
        differences += [rows.assign(**label) for rows in _differences(frame, study)]
    return {"logrank_weighted": joined(weighted), "rmst_difference": joined(differences)}


def immortal_time_results(inputs: Inputs) -> Tables:
    """``landmark_analysis`` and ``immortal_time``."""
    return {
        "landmark_analysis": _landmarks(inputs.marts, inputs.study),
        "immortal_time": _immortal(inputs.marts, inputs.study),
    }


def _weighted(frame: analysis.PreparedFrame) -> Iterator[pd.DataFrame]:
    """Weighted tests of each grouping, and the plain one within strata of the other variable."""
    for variable in MAIN_GROUPINGS:
        for weighting in WEIGHTINGS[1:]:
            yield analysis.logrank_test(frame, "duration_days", "is_event", variable, weighting=weighting)
        for weighting in WEIGHTINGS:
            strata = STRATIFIERS[variable]
            yield analysis.logrank_test(
                frame, "duration_days", "is_event", variable, strata=strata, weighting=weighting
            ).assign(strata=strata)


def _differences(frame: analysis.PreparedFrame, study: Study) -> Iterator[pd.DataFrame]:
    tau = study.rmst_months * study.days_per_month
    for variable in MAIN_GROUPINGS:
        rows = analysis.restricted_mean_difference(frame, "duration_days", "is_event", tau, variable)
        if rows.empty:
            yield nothing(f"{variable} has only one group.", stratum_variable=variable)
            continue
        in_months = rows.assign(
            tau_months=rows["tau"] / study.days_per_month,
            estimate_months=rows["estimate"] / study.days_per_month,
        )
        for column in ("standard_error", "ci_lower", "ci_upper"):
            in_months[column] = rows[column] / study.days_per_month
        yield in_months


def _landmarks(marts: Marts, study: Study) -> pd.DataFrame:
    """Overall survival of those still watched 6 and 12 months after therapy; also by recurrence up to then."""
    frame = marts.groups(OS.name, LRT_START.name).frame
    label = {"endpoint": OS.name, "origin": LRT_START.name}
    if not len(frame):
        return nothing(**label)
    first = marts.recurrence.groupby("patient_id")["days_since_lrt"].min()
    since = frame["patient_id"].map(first)
    parts = []
    for months in LANDMARKS_MONTHS:
        mark = months * study.days_per_month
        recurred = pd.Categorical.from_codes((since <= mark).astype("int8"), ["no", "yes"])
        prepared = analysis.PreparedFrame(frame.assign(**{RECURRED: recurred}))
        for by in (None, *MAIN_GROUPINGS, RECURRED):
            horizon = HORIZON_MONTHS * study.days_per_month
            parts.append(analysis.landmark_analysis(prepared, "duration_days", "is_event", mark, horizon, by))
    return joined(parts).assign(**label)


def _immortal(marts: Marts, study: Study) -> pd.DataFrame:
    """Survival from the diagnosis of the episode, patients counted from then on, and from their therapy on."""
    frame = marts.times(OS.name, OMD_DX.name)
    label = {"endpoint": OS.name, "origin": OMD_DX.name}
    if not len(frame):
        return nothing(**label)
    waited = (pd.to_datetime(frame["lrt_start_date"]) - pd.to_datetime(frame["omd_dx_date"])).dt.days
    entered = marts.groups(OS.name, OMD_DX.name).frame.assign(entry_days=waited.clip(lower=0))
    is_usable = entered["entry_days"] < entered["duration_days"]
    usable = analysis.PreparedFrame(entered[is_usable])
    if not len(usable):
        return nothing("Nobody was under observation after the start of therapy.", **label)
    marks = [months * study.days_per_month for months in study.landmark_months]
    parts = [
        analysis.immortal_time(usable, "duration_days", "is_event", "entry_days", marks, by)
        for by in (None, *MAIN_GROUPINGS)
    ]
    n_out = int((~is_usable).sum())
    rows = joined(parts).assign(**label)
    if n_out:
        remark = f"{n_out} patients whose observation ends on the day of therapy are left out."
        rows["note"] = [f"{note} {remark}".strip() for note in rows["note"].fillna("")]
    return rows


ANALYSES = (
    Analysis(
        name="comparisons of groups",
        reads=TIMES,
        makes=("logrank_weighted", "rmst_difference"),
        run=group_results,
        pairs=from_cohort_origins(COMPARED),
    ),
    Analysis(
        name="landmarks and delayed entry",
        reads=("mart.recurrence", *TIMES),
        makes=("landmark_analysis", "immortal_time"),
        run=immortal_time_results,
    ),
)
