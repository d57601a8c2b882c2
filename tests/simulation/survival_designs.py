"""Simulated registries whose survival is known, and the intervals of each replicate.

Belongs here: curves, medians, means, follow-up, competing risks, lesions of one patient.
Does not belong here: regression (cox_designs.py), growth (growth_designs.py), bars and tests.

Times are whole days, so that survival at a whole day is exactly that of the continuous time.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.analysis.survival.restricted_mean import difference_of_means
from registry_pipeline.core.units import DAYS_PER_MONTH
from tests.simulation.intervals import Intervals, between

MEAN = 900.0  # days
TAU = 1000


def stacked(n: int, replicates: int, seed: int, rate: float = 1 / MEAN) -> pd.DataFrame:
    """All replicates under each other: exponential times, uniform censoring, a third censored."""
    rng = np.random.default_rng(seed)
    size = n * replicates
    time, end = np.ceil(rng.exponential(1 / rate, size)), np.floor(rng.uniform(300, 2700, size))
    return pd.DataFrame(
        {
            "replicate": np.repeat(np.arange(replicates), n),
            "days": np.minimum(time, end),
            "event": (time <= end).astype(int),
        }
    )


def _limits(table: pd.DataFrame, truth: float) -> Intervals:
    return between(table["ci_lower"], table["ci_upper"], truth)


def _at(curve: pd.DataFrame, day: int, group: list[str]) -> pd.DataFrame:
    """The last row of each curve up to a day, in the order of the replicates."""
    before = curve[curve["duration_days"] <= day]
    return before.groupby(group, sort=False).tail(1)


def kaplan_meier(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """The curve, at landmarks and step by step, and its median."""
    frame, truth = stacked(n, replicates, seed), float(np.exp(-700 / MEAN))
    columns = ("days", "event")
    landmark = analysis.landmark_survival(frame, *columns, 700, by="replicate")
    curve = _at(analysis.kaplan_meier(frame, *columns, by="replicate"), 700, ["stratum"])
    median = analysis.median_survival(frame, *columns, by="replicate")
    # A limit that is not reached is an open end: the interval runs on.
    upper = median["median_duration_upper"].fillna(np.inf)
    return {
        "Kaplan-Meier at a landmark, log-log": _limits(landmark, truth),
        "Kaplan-Meier, a step of the curve": _limits(curve, truth),
        "median survival, Brookmeyer-Crowley": between(
            median["median_duration_lower"], upper, np.ceil(MEAN * np.log(2))
        ),
    }


def _mean_up_to(tau: int, rate: float) -> float:
    return float(np.exp(-rate * np.arange(tau)).sum())


def restricted_mean(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """One group of n, and the difference of two groups of n / 2."""

    def means(size: int, draw: int, rate: float) -> pd.DataFrame:
        return analysis.restricted_mean(
            stacked(size, replicates, draw, rate), "days", "event", TAU, "replicate"
        )

    rates = (1 / MEAN, 1.6 / MEAN)
    truth = [_mean_up_to(TAU, rate) for rate in rates]
    groups = [means(n // 2, 1000 * seed + i, rate).to_dict("records") for i, rate in enumerate(rates)]
    pairs = pd.DataFrame([difference_of_means(*both) for both in zip(*groups, strict=True)])
    return {
        "restricted mean": _limits(means(n, seed, rates[0]), truth[0]),
        "difference of restricted means": _limits(pairs, truth[1] - truth[0]),
    }


def follow_up(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """Both medians of follow-up; the truth of the observed one is that of min(death, censoring)."""
    parts = [part for _, part in stacked(n, replicates, seed).groupby("replicate")]
    reverse = pd.concat([analysis.follow_up(part, "days", "event") for part in parts])
    observed = pd.concat([analysis.follow_up(part, "days", "event", "observed") for part in parts])
    days = np.arange(1, 2700)
    alive = np.exp(-days / MEAN) * np.clip((2700 - np.maximum(days + 1, 300)) / 2400, 0, 1)
    truth = float(days[np.argmax(alive <= 0.5)]) / DAYS_PER_MONTH
    upper = reverse["ci_upper"].fillna(np.inf)
    return {
        "reverse Kaplan-Meier median": between(reverse["ci_lower"], upper, 1500 / DAYS_PER_MONTH),
        "observed median of follow-up": _limits(observed, truth),
    }


def landmark_analysis(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """Survival of those still watched at a landmark."""
    frame = stacked(n, replicates, seed)
    found = analysis.landmark_analysis(frame, "days", "event", 200, 500, by="replicate")
    return {"survival from a landmark": _limits(found, float(np.exp(-500 / MEAN)))}


def left_truncated(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """Half enter late; who died or left before is never seen. n is the number who are seen, on average."""
    rng = np.random.default_rng(seed)
    frame = stacked(round(n * 1.2), replicates, seed)
    frame["entry"] = np.where(rng.random(len(frame)) < 0.5, 0, np.floor(rng.uniform(0, 500, len(frame))))
    seen = frame[frame["entry"] < frame["days"]]
    found = analysis.immortal_time(seen, "days", "event", "entry", 700, by="replicate")
    truth = float(np.exp(-700 / MEAN))
    return {"left-truncated Kaplan-Meier": _limits(found[found["reading"] == "left truncated"], truth)}


ONE, TWO = 1 / 1500, 1 / 2000
INCIDENCE = float((1 - np.exp(-700 * (ONE + TWO))) * ONE / (ONE + TWO))


def competing(n: int, replicates: int, seed: int) -> pd.DataFrame:
    """Two exponential causes, rates ONE and TWO."""
    rng = np.random.default_rng(seed)
    size = n * replicates
    one, two = rng.exponential(1 / ONE, size), rng.exponential(1 / TWO, size)
    end = np.floor(rng.uniform(300, 2700, size))
    time = np.ceil(np.minimum(one, two))
    event = np.where(time <= end, np.where(one < two, 1, 2), 0)
    return pd.DataFrame(
        {"replicate": np.repeat(np.arange(replicates), n), "days": np.minimum(time, end), "event": event}
    )


def aalen_johansen(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """Incidence at a landmark and step by step."""
    frame = competing(n, replicates, seed)
    landmark = analysis.landmark_incidence(frame, "days", "event", 700, by="replicate")
    curve = analysis.cumulative_incidence(frame, "days", "event", by="replicate")
    curve = _at(curve[curve["cause"] == 1], 700, ["stratum"])
    return {
        "Aalen-Johansen at a landmark": _limits(landmark[landmark["cause"] == 1], INCIDENCE),
        "Aalen-Johansen, a step of the curve": _limits(curve, INCIDENCE),
    }


def copula(rng: np.random.Generator, size: np.ndarray, correlation: float) -> np.ndarray:
    """Uniform numbers, dependent within clusters of the given sizes."""
    from scipy.special import ndtr

    shared = np.repeat(rng.normal(size=len(size)), size)
    own = rng.normal(size=int(size.sum()))
    return ndtr(np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own)


def lesions(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """Patients of one to three lesions, numbered across replicates: each lesion may recur, the patient may die."""
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 4, n * replicates)
    owner = np.repeat(np.arange(n * replicates), size)
    chance = copula(rng, size, 0.6)
    end = np.floor(np.repeat(rng.uniform(300, 2700, n * replicates), size))
    death = np.repeat(rng.exponential(1 / TWO, n * replicates), size)
    frame = pd.DataFrame({"patient": owner, "replicate": owner // n})
    alone = np.ceil(-np.log(chance) * MEAN)
    alone = frame.assign(days=np.minimum(alone, end), event=(alone <= end).astype(int))
    own = -np.log(chance) / ONE
    first = np.ceil(np.minimum(own, death))
    event = np.where(first <= end, np.where(own < death, 1, 2), 0)
    both = frame.assign(days=np.minimum(first, end), event=event)
    survival = analysis.clustered_survival(alone, "days", "event", "patient", 700, by="replicate")
    risk = analysis.clustered_incidence(both, "days", "event", "patient", 700, by="replicate")
    return {
        "lesion-level survival, clusters": _limits(survival, float(np.exp(-700 / MEAN))),
        "lesion-level incidence, clusters": _limits(risk[risk["cause"] == 1], INCIDENCE),
    }
