"""Mart and result frames made straight from the two files of the synthetic seed cohort, without the pipeline.

The Kaplan-Meier, log-rank and Cox numbers come from lifelines, so that the scorecard is judged against an
engine that is not the project's own.
"""

from __future__ import annotations

import warnings

import pandas as pd
import polars as pl

from registry_pipeline.analysis.growth.fit import fit_growth
from registry_pipeline.analysis.growth.share_small import share_by_interval
from registry_pipeline.analysis.survival.recurrence import recurrence_patterns
from tests.support.shared import SHARED

FOLDER = SHARED / "cohort"
MONTH = 30.4375
DATES = [
    "treatment_date",
    "cervical_dx_date",
    "oligomet_dx_date",
    "last_followup_date",
    "local_recurrence_date",
    "new_oligomet_date",
]


def read() -> tuple[pd.DataFrame, pd.DataFrame]:
    patients = pd.read_csv(FOLDER / "synthetic_seed_cohort.csv", parse_dates=DATES)
    return patients, pd.read_csv(FOLDER / "synthetic_seed_lesions.csv")


def _cohort(patients: pd.DataFrame) -> pd.DataFrame:
    is_scf = patients["site"] == "supraclavicular"
    return pd.DataFrame(
        {
            "patient_id": patients["patient_id"],
            "lesion_site_group": patients["site"].where(~is_scf, "scf"),
            "scf_vs_other": is_scf.map({True: "scf", False: "non_scf"}),
            "n_lesions": patients["n_lesions"],
            "size_group": (patients["max_diameter_mm"] <= 15).map({True: "small", False: "large"}),
            "age_years": patients["age"],
            "squamous": patients["squamous"],
            "figo": patients["figo"],
            "is_radiotherapy": patients["treatment"] == "radiotherapy",
            "months_primary_to_omd": (patients["oligomet_dx_date"] - patients["cervical_dx_date"]).dt.days
            / MONTH,
            "has_concurrent_regional": patients["concurrent_regional"] == 1,
            "lrt_start_date": patients["treatment_date"],
        }
    )


def _times(patients: pd.DataFrame) -> pd.DataFrame:
    start, last = patients["treatment_date"], patients["last_followup_date"]
    died, recurred = patients["death"] == 1, patients["local_recurrence"] == 1
    local_end = patients["local_recurrence_date"].where(recurred, last)
    endpoints = {
        "os": ((last - start).dt.days, died.astype(int)),
        "local_control": ((local_end - start).dt.days, recurred.astype(int).where(recurred | ~died, 2)),
    }
    return pd.concat(
        pd.DataFrame(
            {
                "patient_id": patients["patient_id"],
                "endpoint": name,
                "origin": "lrt_start",
                "duration_days": days,
                "event": event,
            }
        )
        for name, (days, event) in endpoints.items()
    )


def _events(patients: pd.DataFrame) -> pd.DataFrame:
    parts = []
    for kind, column in (
        ("local_recurrence", "local_recurrence_date"),
        ("new_oligomet", "new_oligomet_date"),
    ):
        days = (patients[column] - patients["treatment_date"]).dt.days
        parts.append(
            pd.DataFrame({"patient_id": patients["patient_id"], "event_type": kind, "days_since_lrt": days})
        )
    return pd.concat(parts).dropna()


def _survival_results(cohort: pd.DataFrame, times: pd.DataFrame) -> dict[str, pd.DataFrame]:
    from lifelines import KaplanMeierFitter
    from lifelines.statistics import logrank_test

    landmarks, tests = [], []
    for endpoint in ("os", "local_control"):
        data = times[times["endpoint"] == endpoint].merge(cohort, on="patient_id")
        for variable in ("scf_vs_other", "size_group"):
            groups = [part for _, part in data.groupby(variable)]
            key = {"endpoint": endpoint, "origin": "lrt_start", "stratum_variable": variable}
            for part in groups:
                landmarks.append(
                    key | {"stratum": part[variable].iloc[0]} | _landmark(part, KaplanMeierFitter())
                )
            first, second = groups
            found = logrank_test(
                first["duration_days"], second["duration_days"], first["event"] == 1, second["event"] == 1
            )
            tests.append(key | {"p_value": found.p_value, "n": len(data)})
    return {"km_landmark": pd.DataFrame(landmarks), "logrank_test": pd.DataFrame(tests)}


def _landmark(part: pd.DataFrame, fitter) -> dict[str, object]:
    at = 36 * MONTH
    fitter.fit(part["duration_days"], part["event"] == 1)
    band = fitter.confidence_interval_survival_function_.loc[:at].iloc[-1]
    return {
        "landmark_months": 36.0,
        "n": len(part),
        "n_at_risk": int((part["duration_days"] >= at).sum()),
        "survival": float(fitter.predict(at)),
        "ci_lower": band.iloc[0],
        "ci_upper": band.iloc[1],
        "is_beyond_follow_up": False,
    }


COVARIATES = [
    "age_years", "squamous", "figo", "has_concurrent_regional", "n_lesions", "is_radiotherapy",
    "months_primary_to_omd",
]  # fmt: skip


def cox_terms(cohort: pd.DataFrame, times: pd.DataFrame, covariates: list[str]) -> pd.DataFrame:
    """Multivariable Cox model of size, site and the named covariates. The study does not say which it used:
    by default all that the file carries, so that none is selected by its result."""
    from lifelines import CoxPHFitter

    data = times[times["endpoint"] == "os"].merge(cohort, on="patient_id")
    design = (
        data[covariates]
        .astype(float)
        .assign(
            **{
                "duration": data["duration_days"],
                "event": data["event"],
                "size_group[large]": (data["size_group"] == "large").astype(float),
                "scf_vs_other[scf]": (data["scf_vs_other"] == "scf").astype(float),
            }
        )
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = CoxPHFitter().fit(design, "duration", "event")
    return pd.DataFrame(
        {
            "endpoint": "os",
            "origin": "lrt_start",
            "model": "multivariable",
            "term": fit.summary.index,
            "p_value": fit.summary["p"].to_numpy(),
            "method": "efron",
            "status": "ok",
        }
    )


def frames() -> dict[str, pd.DataFrame]:
    """Every frame that the scorecard reads."""
    patients, lesions = read()
    lesions = lesions.rename(columns={"months_since_last_negative_ct": "months_since_negative_ct"})
    cohort, times = _cohort(patients), _times(patients)
    observed = times.loc[times["endpoint"] == "os", "duration_days"] / MONTH
    follow_up = {
        "definition": "observed",
        "median_months": observed.median(),
        "min_months": observed.min(),
        "max_months": observed.max(),
        "n": len(observed),
    }
    fit = fit_growth(lesions, "months_since_negative_ct", "diameter_mm", "exponential", "additive")
    return {
        "cohort": cohort,
        "survival_time": times,
        "attrition": pd.DataFrame({"n_before": [56], "n_after": [56]}),
        "lesion_growth": lesions,
        **_survival_results(cohort, times),
        "cox_term": cox_terms(cohort, times, COVARIATES),
        "follow_up": pd.DataFrame([follow_up]),
        "recurrence_pattern": recurrence_patterns(_events(patients), len(cohort)),
        "growth_share": share_by_interval(lesions),
        "growth_threshold": fit.threshold,
    }


def items_agreeing(scorecard: pd.DataFrame | pl.DataFrame) -> tuple[int, int]:
    """Of a scorecard's items, how many agree in all their parts (NULL is not agreement), and how many there are."""
    agrees = pd.Series([value is True for value in scorecard["agrees"].to_list()])
    whole = agrees.groupby(scorecard["item"].to_list()).all()
    return int(whole.sum()), len(whole)
