"""Registries that are not easy: unequal groups, hardly an event, hazards that rise, fall or cross, censoring that knows.

Belongs here: designs whose times are not exponential, whose censoring is not free, or whose patients depend on each other.
Does not belong here: the easy designs that every table has (survival_designs.py, cox_designs.py), bars.

Each interval is the one that a release would show. What no interval of the release can hold, because its assumption is
broken, stands in BROKEN and shows how much that costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.analysis.cox.result import CoxFit
from registry_pipeline.analysis.survival.restricted_mean import difference_of_means
from tests.simulation.cox_designs import COLUMNS, judged
from tests.simulation.intervals import Design, Intervals, between
from tests.simulation.survival_designs import MEAN, TAU

MARK = 700


def _watched(time: np.ndarray, end: np.ndarray, **columns: np.ndarray) -> pd.DataFrame:
    """Whole days to death or the end of observation."""
    days = np.ceil(np.minimum(time, end))
    return pd.DataFrame({"days": days, "event": (time <= end).astype(int), **columns})


def _weibull(rng: np.random.Generator, shape: float, ratio: np.ndarray) -> np.ndarray:
    """Times whose hazards are proportional by `ratio` and rise (shape above 1) or fall with time."""
    return np.asarray(MEAN * (rng.exponential(size=len(ratio)) / ratio) ** (1 / shape))


def weibull(shape: float) -> Design:
    """Kaplan-Meier and the restricted mean of one group, and the hazard ratio of a fifth of the patients."""
    truth = np.exp(-((np.arange(TAU + 1) / MEAN) ** shape))

    def design(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
        rng, size = np.random.default_rng(seed), n * replicates
        frame = _watched(_weibull(rng, shape, np.ones(size)), np.floor(rng.uniform(300, 2700, size)))
        frame["replicate"] = np.repeat(np.arange(replicates), n)
        curve = analysis.landmark_survival(frame, *COLUMNS, MARK, by="replicate")
        mean = analysis.restricted_mean(frame, *COLUMNS, TAU, by="replicate")
        name = f"Weibull, shape {shape:g}"
        return {
            f"{name}, Kaplan-Meier": between(curve["ci_lower"], curve["ci_upper"], truth[MARK]),
            f"{name}, restricted mean": between(mean["ci_lower"], mean["ci_upper"], truth[:-1].sum()),
        } | unequal(shape, 0.2, 2.0, f"{name}, a fifth against the rest, hazard ratio 2")(
            n, replicates // 4, seed
        )

    return design


def unequal(shape: float, share: float, ratio: float, name: str, end: float = 2700) -> Design:
    """The hazard ratio of a group with that share of the patients: the fit that a release shows first."""

    def design(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
        def fit(i: int) -> CoxFit:
            rng = np.random.default_rng([seed, i])
            group = (np.arange(n) < round(share * n)).astype(int)
            time = _weibull(rng, shape, np.where(group == 1, ratio, 1.0))
            frame = _watched(time, np.floor(rng.uniform(min(300, end / 3), end, n)), group=group)
            return analysis.fit_cox_reported(frame, *COLUMNS, ["group"], cross_check=False)[-1]

        return judged(fit, replicates, {name: float(np.log(ratio))})

    return design


def crossing(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """Hazards that cross: what does not need proportional hazards still holds its truth."""
    rng, half = np.random.default_rng(seed), n // 2
    tables, truths = [], []
    for shape in (0.6, 1.8):
        size = half * replicates
        frame = _watched(_weibull(rng, shape, np.ones(size)), np.floor(rng.uniform(300, 2700, size)))
        frame["replicate"] = np.repeat(np.arange(replicates), half)
        tables.append((analysis.landmark_survival(frame, *COLUMNS, MARK, by="replicate"),
                       analysis.restricted_mean(frame, *COLUMNS, TAU, by="replicate")))  # fmt: skip
        truths.append(np.exp(-((np.arange(TAU + 1) / MEAN) ** shape)))
    out = {
        f"crossing hazards, Kaplan-Meier, {name}": between(curve["ci_lower"], curve["ci_upper"], truth[MARK])
        for name, (curve, _), truth in zip(("falling", "rising"), tables, truths, strict=True)
    }
    pairs = zip(*(mean.to_dict("records") for _, mean in tables), strict=True)
    difference = pd.DataFrame([difference_of_means(*pair) for pair in pairs])
    gap = truths[1][:-1].sum() - truths[0][:-1].sum()
    name = "crossing hazards, difference of restricted means"
    return out | {name: between(difference["ci_lower"], difference["ci_upper"], gap)}


def informative(share: float) -> Design:
    """Who would die soon is lost before it, in that share of the patients: Kaplan-Meier takes them as like the others."""

    def design(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
        rng, size = np.random.default_rng(seed), n * replicates
        time, end = rng.exponential(MEAN, size), np.floor(rng.uniform(300, 2700, size))
        lost = np.where(rng.random(size) < share, np.floor(time * rng.uniform(0.5, 1, size)), np.inf)
        frame = _watched(time, np.maximum(np.minimum(end, lost), 1))
        frame["replicate"] = np.repeat(np.arange(replicates), n)
        curve = analysis.landmark_survival(frame, *COLUMNS, MARK, by="replicate")
        name = f"{share:.0%} lost because they were dying, Kaplan-Meier"
        return {name: between(curve["ci_lower"], curve["ci_upper"], float(np.exp(-MARK / MEAN)))}

    return design


FACILITIES = 12


@cache
def _marginal(variance: float) -> float:
    """Survival at MARK over facilities of gamma frailty."""
    return float((1 + variance * MARK / MEAN) ** (-1 / variance))


def facilities(variance: float) -> Design:
    """Patients of 12 facilities whose hazards vary: the survival of facilities at large, facility ignored and known."""

    def design(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
        rng = np.random.default_rng(seed)
        frailty = rng.gamma(1 / variance, variance, (replicates, FACILITIES))
        owner = np.tile(np.arange(n) % FACILITIES, (replicates, 1))
        time = rng.exponential(MEAN, (replicates, n)) / np.take_along_axis(frailty, owner, axis=1)
        end = np.floor(rng.uniform(300, 2700, time.size))
        frame = _watched(
            time.ravel(), end, facility=(owner + FACILITIES * np.arange(replicates)[:, None]).ravel()
        )
        frame["replicate"] = np.repeat(np.arange(replicates), n)
        plain = analysis.landmark_survival(frame, *COLUMNS, MARK, by="replicate")
        known = analysis.clustered_survival(frame, *COLUMNS, "facility", MARK, by="replicate")
        truth, name = _marginal(variance), f"12 facilities, variance {variance:g}, Kaplan-Meier"
        return {
            f"{name}, facility ignored": between(plain["ci_lower"], plain["ci_upper"], truth),
            f"{name}, facility as cluster": between(known["ci_lower"], known["ci_upper"], truth),
        }

    return design


HARD: dict[str, tuple[Design, int, int]] = {  # design, replicates of the long version and of the suite
    "Weibull, rising": (weibull(1.6), 4_000, 2_000),
    "Weibull, falling": (weibull(0.6), 4_000, 2_000),
    "unequal groups": (unequal(1.0, 8 / 56, 2.0, "8 against 48 patients, hazard ratio 2"), 2_000, 400),
    "six events": (unequal(1.0, 0.5, 0.15, "hazard ratio 0.15 with 6 events", end=300), 1_000, 300),
    "crossing": (crossing, 4_000, 2_000),
}  # fmt: skip
BROKEN: dict[str, tuple[Design, int]] = {
    "informative, 10": (informative(0.1), 4_000),
    "informative, 30": (informative(0.3), 4_000),
    "facilities, 0.1": (facilities(0.1), 4_000),
    "facilities, 0.5": (facilities(0.5), 4_000),
}
