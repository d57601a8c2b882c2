"""Simulated registries whose course, facilities and absolute risk are known, and the intervals of each replicate.

Belongs here: states of the course, differences between facilities, survival that a model predicts.
Does not belong here: hazard ratios (cox_designs.py), survival without covariates (survival_designs.py), bars and tests.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from registry_pipeline import analysis
from tests.simulation.cox_designs import COLUMNS, covariates, with_times
from tests.simulation.intervals import Intervals, between
from tests.simulation.survival_designs import MEAN

MARK = 700.0  # days
PROGRESSION, EARLY_DEATH, LATE_DEATH = 1 / 900, 1 / 3000, 1 / 700  # per day


def _course(n: int, replicates: int, seed: int) -> pd.DataFrame:
    """One row per patient and interval: treated, perhaps progressed, dead or last seen."""
    rng = np.random.default_rng(seed)
    size = n * replicates
    progressed, dead = rng.exponential(1 / PROGRESSION, size), rng.exponential(1 / EARLY_DEATH, size)
    end, first = rng.uniform(300, 2700, size), np.minimum(progressed, dead)
    later = first + rng.exponential(1 / LATE_DEATH, size)
    has_moved = (progressed < dead) & (progressed < end)
    patients = pd.DataFrame({"patient": np.arange(size), "replicate": np.arange(size) // n})
    entered = np.where(progressed < dead, "progressed", "dead").astype(object)
    entered[first > end] = None
    died = np.where(later <= end, "dead", None).astype(object)
    treated = patients.assign(start=0.0, stop=np.minimum(first, end), state="treated", next_state=entered)
    after = patients.assign(start=first, stop=np.minimum(later, end), state="progressed", next_state=died)
    return pd.concat([treated, after[has_moved]]).sort_values(["patient", "start"], ignore_index=True)


def states(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """Probability of each state at a time; who has progressed dies sooner."""
    columns = ("patient", "start", "stop", "state", "next_state")
    rows = analysis.state_occupation(_course(n, replicates, seed), *columns, MARK, by="replicate")
    leaving = PROGRESSION + EARLY_DEATH
    treated = float(np.exp(-leaving * MARK))
    progressed = PROGRESSION / (leaving - LATE_DEATH) * (float(np.exp(-LATE_DEATH * MARK)) - treated)
    truths = {"treated": treated, "progressed": progressed, "dead": 1 - treated - progressed}
    return {
        f"course, probability of {state}": between(own["ci_lower"], own["ci_upper"], truth)
        for state, truth in truths.items()
        for own in [rows[rows["state"] == state]]
    }


FACILITIES, SPREAD, PATIENTS_PER_FACILITY = 12, 0.3, 20  # SPREAD: variance of the facilities' hazards


def frailty(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """Variance between 12 facilities of 20 patients each, whatever n: 56 patients say nothing of it."""
    limits = np.full((replicates, 2), np.nan)
    owner = np.repeat(np.arange(FACILITIES), PATIENTS_PER_FACILITY)
    for i in range(replicates):
        rng = np.random.default_rng([seed, i])
        hazard = rng.gamma(1 / SPREAD, SPREAD, FACILITIES)[owner]
        time, end = rng.exponential(MEAN / hazard), rng.uniform(300, 2700, len(owner))
        frame = pd.DataFrame({"facility": owner, "days": np.ceil(np.minimum(time, end))})
        frame["event"] = (time <= end).astype(int)
        row = analysis.fit_shared_frailty(frame, *COLUMNS, "facility").summary.iloc[0]
        limits[i] = row["ci_lower"], row["ci_upper"]
    return {"facilities, variance of the frailty, profile": between(limits[:, 0], limits[:, 1], SPREAD)}


def funnel(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """Observed by expected of three facilities that make no difference: exact limits, so they cover more than they say."""
    limits = np.empty((replicates, 3, 2))
    for i in range(replicates):
        rng = np.random.default_rng([seed, i])
        frame = with_times(covariates(rng, n), rng, (0.0, 0.0)).assign(facility=np.arange(n) % 3)
        limits[i] = analysis.facility_funnel(frame, *COLUMNS, "facility")[["ci_lower", "ci_upper"]]
    return {
        "facilities, observed by expected": between(limits[:, :, 0].ravel(), limits[:, :, 1].ravel(), 1.0)
    }


EFFECTS = (0.5, 0.6)


def _truth(x: np.ndarray, group: np.ndarray | float) -> np.ndarray:
    """Survival at the mark of patients with these covariates; times are whole days."""
    return np.asarray(np.exp(-MARK / MEAN * np.exp(EFFECTS[0] * x + EFFECTS[1] * group)))


def standardised(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """Survival of the cohort had everybody been in one group."""
    limits, truth = np.full((replicates, 2, 2), np.nan), np.empty((replicates, 2))
    for i in range(replicates):
        rng = np.random.default_rng([seed, i])
        frame = with_times(covariates(rng, n), rng, EFFECTS)
        fit = analysis.fit_cox(frame, *COLUMNS, ["x", "g"], cross_check=False)
        rows = analysis.standardised_survival(fit, "g", MARK)
        limits[i] = rows[["ci_lower", "ci_upper"]].to_numpy(float)
        truth[i] = [_truth(frame["x"].to_numpy(), group).mean() for group in (0.0, 1.0)]
    return {
        f"standardised survival, {name}": between(limits[:, j, 0], limits[:, j, 1], truth[:, j])
        for j, name in enumerate(("others", "group"))
    }


def calibrated(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """Kaplan-Meier of the halves of predicted risk, the truth being the mean survival of their members."""
    limits, truth = np.full((replicates, 2, 2), np.nan), np.empty((replicates, 2))
    for i in range(replicates):
        rng = np.random.default_rng([seed, i])
        frame = with_times(covariates(rng, n), rng, EFFECTS)
        fit = analysis.fit_cox(frame, *COLUMNS, ["x", "g"], cross_check=False)
        limits[i] = analysis.calibration(fit, MARK, 2)[["ci_lower", "ci_upper"]].to_numpy(float)
        order, own = np.argsort(fit.linear_predictor, kind="stable"), _truth(frame["x"], frame["g"])
        truth[i] = [own[half].mean() for half in np.split(order, [-(-n // 2)])]
    return {
        f"calibration, {name} risk": between(limits[:, j, 0], limits[:, j, 1], truth[:, j])
        for j, name in enumerate(("lower", "higher"))
    }


def pooled_facilities(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """A number of 12 facilities that differ, known with errors of several sizes: the mean, and another facility's value."""
    limits, truth = np.empty((replicates, 4)), np.empty((replicates, 2))
    for i in range(replicates):
        rng = np.random.default_rng([seed, n, i])
        errors = rng.uniform(0.1, 0.5, 12)
        values = rng.normal(1.0, 0.3, 12) + rng.normal(0, errors)
        names = ["ci_lower", "ci_upper", "prediction_lower", "prediction_upper"]
        limits[i] = analysis.heterogeneity(values, errors).iloc[0][names].to_numpy(float)
        truth[i] = 1.0, rng.normal(1.0, 0.3)
    return {
        "facilities, mean by random effects": between(limits[:, 0], limits[:, 1], truth[:, 0]),
        "facilities, value of another": between(limits[:, 2], limits[:, 3], truth[:, 1]),
    }
