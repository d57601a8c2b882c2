"""Simulated registries whose truth is known, and what an estimate made of each replicate.

Belongs here: designs of survival, Cox and competing-risk estimates. Growth is in growth_designs.py.
Does not belong here: bars and tests (test_coverage.py).

A design draws `replicates` registries of `n` patients and gives the limits of each and the truth. Times are
whole days, so that survival at a whole day is exactly that of the continuous time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.analysis.cox_concordance import concordance
from registry_pipeline.analysis.cox_result import CoxFit
from registry_pipeline.analysis.cox_smooth import coefficient_over_time
from registry_pipeline.analysis.gate import DAYS_PER_MONTH, Times

MEAN = 900.0  # days
Z = 1.959963984540054


@dataclass(frozen=True)
class Intervals:
    """Limits of each replicate, NaN where there is none, and the truth."""

    lower: np.ndarray
    upper: np.ndarray
    truth: float

    @property
    def n_given(self) -> int:
        """Replicates with an interval."""
        return int((~np.isnan(self.lower) & ~np.isnan(self.upper)).sum())

    @property
    def coverage(self) -> float:
        """Share of the intervals that hold the truth, of those that exist on both sides."""
        given = ~np.isnan(self.lower) & ~np.isnan(self.upper)
        return float(((self.lower <= self.truth) & (self.truth <= self.upper))[given].mean())

    @property
    def given(self) -> float:
        """Share of replicates with an interval."""
        return float((~np.isnan(self.lower) & ~np.isnan(self.upper)).mean())


Design = Callable[[int, int, int], Intervals]


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


def _limits(table: pd.DataFrame, truth: float, lower: str = "ci_lower", upper: str = "ci_upper") -> Intervals:
    return Intervals(table[lower].to_numpy(float), table[upper].to_numpy(float), truth)


def km_landmark(n: int, replicates: int, seed: int) -> Intervals:
    found = analysis.landmark_survival(stacked(n, replicates, seed), "days", "event", 700, by="replicate")
    return _limits(found, float(np.exp(-700 / MEAN)))


def median_survival(n: int, replicates: int, seed: int) -> Intervals:
    found = analysis.median_survival(stacked(n, replicates, seed), "days", "event", by="replicate")
    # A limit that is not reached is an open end: the interval runs on.
    upper = np.where(np.isnan(found["median_duration_upper"]), np.inf, found["median_duration_upper"])
    return Intervals(found["median_duration_lower"].to_numpy(), upper, float(np.ceil(MEAN * np.log(2))))


def _mean_up_to(tau: int, rate: float) -> float:
    return float(np.exp(-rate * np.arange(tau)).sum())


def restricted_mean(n: int, replicates: int, seed: int) -> Intervals:
    found = analysis.restricted_mean(stacked(n, replicates, seed), "days", "event", 1000, by="replicate")
    return _limits(found, _mean_up_to(1000, 1 / MEAN))


def restricted_mean_difference(n: int, replicates: int, seed: int) -> Intervals:
    one, two = stacked(n // 2, replicates, seed), stacked(n // 2, replicates, seed + 1, 1.6 / MEAN)
    both = pd.concat([one.assign(group=0), two.assign(group=1)], ignore_index=True)
    parts = [
        analysis.restricted_mean_difference(part, "days", "event", 1000, "group")
        for _, part in both.groupby("replicate")
    ]
    return _limits(pd.concat(parts), _mean_up_to(1000, 1.6 / MEAN) - _mean_up_to(1000, 1 / MEAN))


def reverse_median(n: int, replicates: int, seed: int) -> Intervals:
    parts = [
        analysis.follow_up(part, "days", "event")
        for _, part in stacked(n, replicates, seed).groupby("replicate")
    ]
    found = pd.concat(parts)
    upper = found["ci_upper"].fillna(np.inf).to_numpy(float)
    return Intervals(found["ci_lower"].to_numpy(float), upper, 1500 / DAYS_PER_MONTH)


def observed_median(n: int, replicates: int, seed: int) -> Intervals:
    """The plain median of all durations, whose truth is that of min(death, censoring)."""
    parts = [
        analysis.follow_up(part, "days", "event", "observed")
        for _, part in stacked(n, replicates, seed).groupby("replicate")
    ]
    days = np.arange(1, 2700)
    alive = np.exp(-days / MEAN) * np.clip((2700 - np.maximum(days + 1, 300)) / 2400, 0, 1)
    truth = float(days[np.argmax(alive <= 0.5)])
    return _limits(pd.concat(parts), truth / DAYS_PER_MONTH)


def landmark_analysis(n: int, replicates: int, seed: int) -> Intervals:
    frame = stacked(n, replicates, seed)
    found = analysis.landmark_analysis(frame, "days", "event", 200, 500, by="replicate")
    return _limits(found, float(np.exp(-500 / MEAN)))


def left_truncated(n: int, replicates: int, seed: int) -> Intervals:
    """Half enter late; who died or left before is never seen. n is the number who are seen, on average."""
    rng = np.random.default_rng(seed)
    frame = stacked(round(n * 1.2), replicates, seed)
    frame["entry"] = np.where(rng.random(len(frame)) < 0.5, 0, np.floor(rng.uniform(0, 500, len(frame))))
    seen = frame[frame["entry"] < frame["days"]]
    found = analysis.immortal_time(seen, "days", "event", "entry", 700, by="replicate")
    return _limits(found[found["reading"] == "left truncated"], float(np.exp(-700 / MEAN)))


def _covariates(rng: np.random.Generator, n: int) -> pd.DataFrame:
    return pd.DataFrame({"x": rng.normal(size=n), "g": (rng.random(n) < 0.4).astype(int)})


def _hazards(
    frame: pd.DataFrame, rng: np.random.Generator, effect: tuple[float, float], end: float = 2700
) -> pd.DataFrame:
    time = rng.exponential(MEAN * np.exp(-effect[0] * frame["x"] - effect[1] * frame["g"]))
    censored = rng.uniform(300, end, len(frame))
    return frame.assign(days=np.ceil(np.minimum(time, censored)), event=(time <= censored).astype(int))


def _hazard_ratio(fit: CoxFit, at: int) -> tuple[float, float]:
    """What `fit.terms` gives as limits, without making a table."""
    if fit.estimates is None or at not in fit.used:
        return np.nan, np.nan
    place = fit.used.index(at)
    return float(np.exp(fit.estimates.lower[place])), float(np.exp(fit.estimates.upper[place]))


def _of_term(
    n: int, replicates: int, seed: int, effect: tuple[float, float], term: str, **options: object
) -> Intervals:
    """Hazard-ratio limits of one term."""
    lower, upper = np.empty(replicates), np.empty(replicates)
    end = float(options.pop("end", 2700))
    names = [term] if options.pop("alone", False) else ["x", "g"]
    for i in range(replicates):
        rng = np.random.default_rng([seed, i])
        frame = _hazards(_covariates(rng, n), rng, effect, end)
        fit = analysis.fit_cox(frame, "days", "event", names, second_engine=False, **options)
        lower[i], upper[i] = _hazard_ratio(fit, names.index(term))
    return Intervals(lower, upper, float(np.exp(effect[0 if term == "x" else 1])))


def cox_continuous(n: int, replicates: int, seed: int) -> Intervals:
    return _of_term(n, replicates, seed, (0.5, 0.7), "x")


def cox_binary(n: int, replicates: int, seed: int) -> Intervals:
    return _of_term(n, replicates, seed, (0.5, 0.7), "g")


def firth_profile(n: int, replicates: int, seed: int) -> Intervals:
    """A rare group with few events."""
    return _of_term(n, replicates, seed, (0.0, -1.0), "g", penalty="firth", end=700)


def firth_alone(n: int, replicates: int, seed: int) -> Intervals:
    """The rare group as the only covariate, which is much faster."""
    return _of_term(n, replicates, seed, (0.0, -1.0), "g", penalty="firth", end=700, alone=True)


def spline(n: int, replicates: int, seed: int) -> Intervals:
    """Pointwise limits of the log hazard ratio of x = 1 against x = 0, the truth being a straight line."""
    lower, upper = np.empty(replicates), np.empty(replicates)
    for i in range(replicates):
        rng = np.random.default_rng([seed, i])
        frame = _hazards(_covariates(rng, n), rng, (0.5, 0.0))
        frame["x"] = np.clip(frame["x"], -2, 2)
        fit = analysis.fit_size_spline(frame, "days", "event", "x", reference=0.0, second_engine=False)
        row = fit.curve.iloc[int(np.argmin(np.abs(fit.curve["value"] - 1.0)))]
        shift = 0.5 * (row["value"] - 1.0)
        lower[i], upper[i] = row["ci_lower"] - shift, row["ci_upper"] - shift
    return Intervals(lower, upper, 0.5)


def _copula(rng: np.random.Generator, size: np.ndarray, correlation: float) -> np.ndarray:
    """Uniform numbers, dependent within clusters of the given sizes."""
    from scipy.special import ndtr

    shared = np.repeat(rng.normal(size=len(size)), size)
    own = rng.normal(size=int(size.sum()))
    return ndtr(np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own)


def _clustered(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """n patients of one to three lesions; each lesion's time is exponential, those of a patient dependent."""
    size = rng.integers(1, 4, n)
    owner = np.repeat(np.arange(n), size)
    x = np.repeat(rng.normal(size=n), size)
    time = -np.log(_copula(rng, size, 0.6)) * MEAN * np.exp(-0.5 * x)
    end = np.repeat(rng.uniform(300, 2700, n), size)
    days, event = np.ceil(np.minimum(time, end)), (time <= end).astype(int)
    return pd.DataFrame({"patient": owner, "x": x, "days": days, "event": event})


def robust_cox(n: int, replicates: int, seed: int) -> Intervals:
    lower, upper = np.empty(replicates), np.empty(replicates)
    for i in range(replicates):
        frame = _clustered(np.random.default_rng([seed, i]), n)
        fit = analysis.fit_cox(frame, "days", "event", ["x"], cluster="patient", second_engine=False)
        lower[i], upper[i] = _hazard_ratio(fit, 0)
    return Intervals(lower, upper, float(np.exp(0.5)))


def clustered_survival(n: int, replicates: int, seed: int) -> Intervals:
    """Lesion-level survival at a landmark; clusters are numbered across replicates."""
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 4, n * replicates)
    owner = np.repeat(np.arange(n * replicates), size)
    time = np.ceil(-np.log(_copula(rng, size, 0.6)) * MEAN)
    end = np.floor(np.repeat(rng.uniform(300, 2700, n * replicates), size))
    frame = pd.DataFrame({"patient": owner, "replicate": owner // n, "days": np.minimum(time, end)})
    frame["event"] = (time <= end).astype(int)
    found = analysis.clustered_survival(frame, "days", "event", "patient", 700, by="replicate")
    return _limits(found, float(np.exp(-700 / MEAN)))


def _competing(n: int, replicates: int, seed: int) -> pd.DataFrame:
    """Two exponential causes, rates 1/1500 and 1/2000."""
    rng = np.random.default_rng(seed)
    size = n * replicates
    one, two = rng.exponential(1500, size), rng.exponential(2000, size)
    end = np.floor(rng.uniform(300, 2700, size))
    time = np.ceil(np.minimum(one, two))
    event = np.where(time <= end, np.where(one < two, 1, 2), 0)
    return pd.DataFrame(
        {"replicate": np.repeat(np.arange(replicates), n), "days": np.minimum(time, end), "event": event}
    )


def aalen_johansen(n: int, replicates: int, seed: int) -> Intervals:
    found = analysis.landmark_incidence(_competing(n, replicates, seed), "days", "event", 700, by="replicate")
    total = 1 / 1500 + 1 / 2000
    return _limits(found[found["cause"] == 1], float((1 - np.exp(-700 * total)) / 1500 / total))


def clustered_incidence(n: int, replicates: int, seed: int) -> Intervals:
    """Every row its own cluster: the limits of the infinitesimal jackknife."""
    frame = _competing(n, replicates, seed).assign(row=np.arange(n * replicates))
    found = analysis.clustered_incidence(frame, "days", "event", "row", 700, by="replicate")
    total = 1 / 1500 + 1 / 2000
    return _limits(found[found["cause"] == 1], float((1 - np.exp(-700 * total)) / 1500 / total))


def _subdistribution(rng: np.random.Generator, n: int, effect: float) -> pd.DataFrame:
    """Fine and Gray 1999, section 5: incidence of cause 1 is 1 - (1 - p (1 - exp(-t)))^exp(effect x)."""
    p, x = 0.6, (rng.random(n) < 0.5).astype(float)
    share = 1 - (1 - p) ** np.exp(effect * x)
    is_one, u = rng.random(n) < share, rng.random(n)
    inner = 1 - (1 - u * share) ** np.exp(-effect * x)
    first = -np.log(np.maximum(1 - inner / p, 1e-300))
    time = np.where(is_one, first, rng.exponential(np.exp(0.5 * x)))
    end = rng.uniform(0.5, 4, n)
    event = np.where(time <= end, np.where(is_one, 1, 2), 0)
    return pd.DataFrame({"x": x, "days": np.minimum(time, end), "event": event})


def fine_gray(n: int, replicates: int, seed: int) -> Intervals:
    lower, upper = np.empty(replicates), np.empty(replicates)
    for i in range(replicates):
        frame = _subdistribution(np.random.default_rng([seed, i]), n, 0.6)
        row = analysis.fit_fine_gray(frame, "days", "event", ["x"]).terms.iloc[0]
        lower[i], upper[i] = row["ci_lower"], row["ci_upper"]
    return Intervals(lower, upper, float(np.exp(0.6)))


def cause_specific(n: int, replicates: int, seed: int) -> Intervals:
    lower, upper = np.empty(replicates), np.empty(replicates)
    for i in range(replicates):
        rng = np.random.default_rng([seed, i])
        x = rng.normal(size=n)
        one, two = rng.exponential(1500 * np.exp(-0.5 * x)), rng.exponential(2000 * np.exp(0.4 * x))
        end, time = rng.uniform(300, 2700, n), np.minimum(one, two)
        frame = pd.DataFrame({"x": x, "days": np.ceil(np.minimum(time, end))})
        frame["event"] = np.where(time <= end, np.where(one < two, 1, 2), 0)
        fit = analysis.fit_cox(
            analysis.cause_specific(frame, "event"), "days", "event", ["x"], second_engine=False
        )
        lower[i], upper[i] = _hazard_ratio(fit, 0)
    return Intervals(lower, upper, float(np.exp(0.5)))


def _scored(rng: np.random.Generator, n: int) -> tuple[Times, np.ndarray]:
    score = rng.normal(size=n)
    time, end = rng.exponential(MEAN * np.exp(-0.7 * score)), rng.uniform(300, 2700, n)
    return Times(np.ceil(np.minimum(time, end)), (time <= end).astype(np.int64)), score


def smooth_over_time(n: int, replicates: int, seed: int) -> Intervals:
    """Pointwise limits of a coefficient over time at the middle death, the truth being constant."""
    lower, upper = np.empty(replicates), np.empty(replicates)
    for i in range(replicates):
        rng = np.random.default_rng([seed, i])
        frame = _hazards(_covariates(rng, n), rng, (0.5, 0.0))
        fit = analysis.fit_cox(frame, "days", "event", ["x"], second_engine=False)
        rows = coefficient_over_time(fit).query("kind == 'smooth'")
        lower[i], upper[i] = rows.iloc[len(rows) // 2][["ci_lower", "ci_upper"]]
    return Intervals(lower, upper, 0.5)


def concordance_of_a_score(n: int, replicates: int, seed: int) -> Intervals:
    """Of a score that was not fitted; the truth, under the same censoring, from 200,000 patients."""
    truth = concordance(*_scored(np.random.default_rng(99), 200_000)).estimate
    found = [concordance(*_scored(np.random.default_rng([seed, i]), n)) for i in range(replicates)]
    limits = np.array([one.limits for one in found])
    return Intervals(limits[:, 0], limits[:, 1], truth)


def imputed_cox(n: int, replicates: int, seed: int) -> Intervals:
    """A third of x missing, more often for one value of g: missing at random."""
    lower, upper = np.empty(replicates), np.empty(replicates)
    for i in range(replicates):
        rng = np.random.default_rng([seed, i])
        frame = _hazards(_covariates(rng, n), rng, (0.5, 0.7))
        frame.loc[rng.random(n) < np.where(frame["g"] == 1, 0.5, 0.2), "x"] = np.nan
        fit = analysis.fit_cox_imputed(
            frame, "days", "event", ["x", "g"], n_imputations=4, n_cycles=2, seed=i
        )
        lower[i], upper[i] = fit.terms.iloc[0][["ci_lower", "ci_upper"]]
    return Intervals(lower, upper, float(np.exp(0.5)))


DESIGNS: dict[str, Design] = {
    "Kaplan-Meier at a landmark, log-log": km_landmark,
    "median survival, Brookmeyer-Crowley": median_survival,
    "restricted mean": restricted_mean,
    "difference of restricted means": restricted_mean_difference,
    "reverse Kaplan-Meier median": reverse_median,
    "observed median of follow-up": observed_median,
    "survival from a landmark": landmark_analysis,
    "left-truncated Kaplan-Meier": left_truncated,
    "Cox, continuous, Wald": cox_continuous,
    "Cox, binary, Wald": cox_binary,
    "Cox, Firth, profile": firth_profile,
    "Cox, Firth, one covariate, profile": firth_alone,
    "Cox, spline, pointwise": spline,
    "Cox, clusters, robust": robust_cox,
    "Cox, coefficient over time, smooth": smooth_over_time,
    "lesion-level survival, clusters": clustered_survival,
    "Aalen-Johansen at a landmark": aalen_johansen,
    "Aalen-Johansen, infinitesimal jackknife": clustered_incidence,
    "Fine-Gray": fine_gray,
    "cause-specific Cox": cause_specific,
    "concordance": concordance_of_a_score,
    "Cox, imputed, Rubin": imputed_cox,
}
