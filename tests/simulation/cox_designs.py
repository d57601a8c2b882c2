"""Simulated registries whose hazard ratios are known, and the intervals of each replicate.

Belongs here: Cox and Fine-Gray models, splines, imputation, concordance.
Does not belong here: survival without covariates (survival_designs.py), growth, bars and tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.analysis.cox.concordance import concordance
from registry_pipeline.analysis.cox.result import CoxFit
from registry_pipeline.analysis.cox.time_varying import coefficient_over_time
from registry_pipeline.analysis.times import Times
from tests.simulation.intervals import Design, Intervals, between
from tests.simulation.survival_designs import MEAN, ONE, TWO, copula

COLUMNS = ("days", "event")


def covariates(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """A continuous one and a group of two fifths."""
    return pd.DataFrame({"x": rng.normal(size=n), "g": (rng.random(n) < 0.4).astype(int)})


def with_times(
    frame: pd.DataFrame, rng: np.random.Generator, effect: tuple[float, float], end: float = 2700
) -> pd.DataFrame:
    """Exponential times whose log hazard ratios are `effect`; censoring between day 300 and `end`."""
    time = rng.exponential(MEAN * np.exp(-effect[0] * frame["x"] - effect[1] * frame["g"]))
    censored = rng.uniform(300, end, len(frame))
    return frame.assign(days=np.ceil(np.minimum(time, censored)), event=(time <= censored).astype(int))


def _limits(fit: CoxFit, at: int) -> tuple[float, float]:
    """The logarithms of what `fit.terms` gives as limits, without making a table."""
    if fit.estimates is None or at not in fit.used:
        return np.nan, np.nan
    place = fit.used.index(at)
    return float(fit.estimates.lower[place]), float(fit.estimates.upper[place])


def judged(
    fits: Callable[[int], CoxFit], replicates: int, truths: Mapping[str, float]
) -> Mapping[str, Intervals]:
    """Fit each replicate once and judge its terms in the order of `truths`."""
    limits = np.empty((replicates, len(truths), 2))
    for i in range(replicates):
        fit = fits(i)
        limits[i] = [_limits(fit, at) for at in range(len(truths))]
    return {
        name: between(limits[:, at, 0], limits[:, at, 1], truth)
        for at, (name, truth) in enumerate(truths.items())
    }


def cox(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """Two covariates, of ordinary size."""

    def fit(i: int) -> CoxFit:
        rng = np.random.default_rng([seed, i])
        frame = with_times(covariates(rng, n), rng, (0.5, 0.7))
        return analysis.fit_cox(frame, *COLUMNS, ["x", "g"], cross_check=False)

    return judged(fit, replicates, {"Cox, continuous, Wald": 0.5, "Cox, group, Wald": 0.7})


def _firth(name: str, names: Sequence[str]) -> Design:
    """A rare group with few events, profile limits of the penalised likelihood."""

    def design(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
        def fit(i: int) -> CoxFit:
            rng = np.random.default_rng([seed, i])
            frame = with_times(covariates(rng, n), rng, (0.0, -1.0), end=700)
            return analysis.fit_cox(frame, *COLUMNS, names, penalty="firth", cross_check=False)

        return judged(fit, replicates, {name: -1.0})

    return design


firth_alone = _firth("Cox, Firth, group alone, profile", ["g"])
firth_adjusted = _firth("Cox, Firth, group and continuous, profile", ["g", "x"])


def cause_specific(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """A covariate that raises one hazard and lowers the other."""

    def fit(i: int) -> CoxFit:
        rng = np.random.default_rng([seed, i])
        x = rng.normal(size=n)
        one, two = rng.exponential(np.exp(-0.5 * x) / ONE), rng.exponential(np.exp(0.4 * x) / TWO)
        end, time = rng.uniform(300, 2700, n), np.minimum(one, two)
        frame = pd.DataFrame({"x": x, "days": np.ceil(np.minimum(time, end))})
        frame["event"] = np.where(time <= end, np.where(one < two, 1, 2), 0)
        judged = analysis.cause_specific(frame, "event")
        return analysis.fit_cox(judged, *COLUMNS, ["x"], cross_check=False)

    return judged(fit, replicates, {"cause-specific Cox": 0.5})


def _clustered(rng: np.random.Generator, n: int, is_of_lesion: bool) -> pd.DataFrame:
    """n patients of one to three lesions; each lesion's time is exponential, those of a patient dependent."""
    size = rng.integers(1, 4, n)
    owner = np.repeat(np.arange(n), size)
    group = (rng.random(len(owner)) < 0.5).astype(float)
    x = group if is_of_lesion else np.repeat(rng.normal(size=n), size)
    time = -np.log(copula(rng, size, 0.6)) * MEAN * np.exp(-0.5 * x)
    end = np.repeat(rng.uniform(300, 2700, n), size)
    days, event = np.ceil(np.minimum(time, end)), (time <= end).astype(int)
    return pd.DataFrame({"patient": owner, "x": x, "days": days, "event": event})


def clusters(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """Lesions with their patients as clusters; a covariate of the patient, and a group of the lesion."""
    found: dict[str, Intervals] = {}
    for name, is_of_lesion in (("patient", False), ("lesion", True)):

        def fit(i: int, is_of_lesion: bool = is_of_lesion) -> CoxFit:
            frame = _clustered(np.random.default_rng([seed, i]), n, is_of_lesion)
            return analysis.fit_cox(frame, *COLUMNS, ["x"], cluster="patient", cross_check=False)

        found |= judged(fit, replicates, {f"Cox, clusters, covariate of the {name}": 0.5})
    return found


def spline(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """Pointwise limits of the log hazard ratio against x = 0 at two points, the truth being a straight line."""
    points = (-1.0, 1.0)
    limits = np.full((replicates, len(points), 3), np.nan)
    for i in range(replicates):
        rng = np.random.default_rng([seed, i])
        frame = with_times(covariates(rng, n), rng, (0.5, 0.0))
        frame["x"] = np.clip(frame["x"], -2, 2)
        fit = analysis.fit_size_spline(frame, *COLUMNS, "x", reference=0.0, cross_check=False)
        for j, point in enumerate(points):
            near = fit.curve.iloc[int(np.argmin(np.abs(fit.curve["value"] - point)))]
            limits[i, j] = near["ci_lower"], near["ci_upper"], 0.5 * near["value"]
    return {
        f"Cox, spline at {point:g}, pointwise": between(*limits[:, j].T) for j, point in enumerate(points)
    }


def smooth_over_time(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """Pointwise limits of a coefficient over time, the truth being constant."""
    places = {"first quarter": 0.25, "middle": 0.5, "last quarter": 0.75}
    limits = np.full((replicates, len(places), 2), np.nan)
    for i in range(replicates):
        rng = np.random.default_rng([seed, i])
        frame = with_times(covariates(rng, n), rng, (0.5, 0.0))
        fit = analysis.fit_cox(frame, *COLUMNS, ["x"], cross_check=False)
        rows = coefficient_over_time(fit)
        smooth = rows.loc[rows["kind"] == "smooth", ["ci_lower", "ci_upper"]].to_numpy(float)
        limits[i] = [smooth[int(len(smooth) * share)] for share in places.values()]
    return {
        f"Cox, coefficient over time, {place}": between(limits[:, j, 0], limits[:, j, 1], 0.5)
        for j, place in enumerate(places)
    }


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


def fine_gray(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """A group's subdistribution hazard ratio."""
    limits = np.empty((replicates, 2))
    for i in range(replicates):
        frame = _subdistribution(np.random.default_rng([seed, i]), n, 0.6)
        limits[i] = analysis.fit_fine_gray(frame, *COLUMNS, ["x"]).terms.iloc[0][["ci_lower", "ci_upper"]]
    return {"Fine-Gray": between(limits[:, 0], limits[:, 1], np.exp(0.6))}


def scored(rng: np.random.Generator, n: int) -> tuple[Times, np.ndarray]:
    """Times and a score that was not fitted to them."""
    score = rng.normal(size=n)
    time, end = rng.exponential(MEAN * np.exp(-0.7 * score)), rng.uniform(300, 2700, n)
    return Times(np.ceil(np.minimum(time, end)), (time <= end).astype(np.int64)), score


def concordance_of_a_score(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """The truth, under the same censoring, is that of 200,000 patients."""
    truth = concordance(*scored(np.random.default_rng(99), 200_000)).estimate
    found = [concordance(*scored(np.random.default_rng([seed, i]), n)) for i in range(replicates)]
    limits = np.array([one.limits() for one in found])
    return {"concordance": between(limits[:, 0], limits[:, 1], truth)}


IMPUTATIONS = 4


def imputed(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """A third of x missing, more often for one value of g: missing at random."""
    limits = np.empty((replicates, 2, 2))
    for i in range(replicates):
        rng = np.random.default_rng([seed, i])
        frame = with_times(covariates(rng, n), rng, (0.5, 0.7))
        frame.loc[rng.random(n) < np.where(frame["g"] == 1, 0.5, 0.2), "x"] = np.nan
        # One column has holes, so that its draws do not depend on earlier cycles and one cycle is enough.
        fit = analysis.fit_cox_imputed(
            frame, *COLUMNS, ["x", "g"], n_imputations=IMPUTATIONS, n_cycles=1, seed=i
        )
        limits[i] = fit.terms[["ci_lower", "ci_upper"]].to_numpy(float)
    return {
        "Cox, imputed, the covariate with holes": between(limits[:, 0, 0], limits[:, 0, 1], np.exp(0.5)),
        "Cox, imputed, the complete one": between(limits[:, 1, 0], limits[:, 1, 1], np.exp(0.7)),
    }
