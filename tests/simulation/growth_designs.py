"""Lesions whose growth is known, and the intervals of each replicate.

Belongs here: the month at the threshold, rates, bands, onset, planned scans, shares.
Does not belong here: drawing lesions (growth_draws.py), bars and tests.

A profile interval holds the truth where the profile at the truth is not above its limit. That is one search where
both ends take twenty, so the forms are judged by `profile_excess`; a test shows that it is zero at the ends that
`fit_growth` gives.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import stdtrit
from scipy.stats import binom, norm

from registry_pipeline import analysis
from registry_pipeline.analysis.growth.curve_band import growth_curve
from registry_pipeline.analysis.growth.forms import FORMS, starting_values
from registry_pipeline.analysis.growth.least_squares import Problem, best, minimise
from tests.simulation import growth_draws as draws
from tests.simulation.growth_draws import THRESHOLD, TRUTH
from tests.simulation.intervals import Design, Intervals, Z, between
from tests.simulation.mixed_model import mean_rate

RATE = TRUTH["exponential"][1]


def _limits(rows: list[pd.Series], truth: float, of: str = "ci") -> Intervals:
    found = pd.DataFrame(rows)
    return between(found[f"{of}_lower"].astype(float), found[f"{of}_upper"].astype(float), truth)


def profile_excess(frame: pd.DataFrame, model: str, error: str, month: float) -> tuple[float, float]:
    """How far the profile at a month lies above the 95 % limit (in sums of squares), and the estimate less it."""
    form = FORMS[model]
    problem = Problem(form, error, frame["x"].to_numpy(), frame["y"].to_numpy(), THRESHOLD)
    found = minimise(problem, starting_values(form, problem.months, problem.diameter, THRESHOLD))
    at = best(found)
    if at is None or found.parameters[at, 1] <= 0 or (form.nested and found.parameters[at, 2] <= 0):
        return np.nan, np.nan  # as in the release: no growth, or a form that shows no plateau
    freedom = len(problem.months) - form.n_parameters
    limit = found.rss[at] * (1 + stdtrit(freedom, 0.975) ** 2 / freedom)
    start = found.parameters[at][None, :].copy()
    estimate, start[0, 0] = start[0, 0], np.log(month) if form.log_time else month
    held = minimise(problem, start, fixed=(0,), damping_at_first=1e-6)
    return float(held.rss[0] / limit - 1) if held.converged[0] else np.nan, float(estimate - start[0, 0])


def form_profile(model: str, error: str) -> Design:
    """The month at the threshold of a form."""

    def design(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
        side = np.empty(replicates)
        for i in range(replicates):
            frame = draws.lesions(np.random.default_rng([seed, i]), n, model, error)
            excess, above = profile_excess(frame, model, error, TRUTH[model][0])
            side[i] = np.nan if np.isnan(excess) else np.sign(above) * (excess > 0)
        return {f"growth, {model}, {error} error, profile": Intervals(side)}

    return design


def scanned(error: str) -> tuple[float, float]:
    """Share of at most 15 mm and median diameter of the lesions that scans every six months find: of 4 mm or more."""
    scale = np.log if error == "log" else float
    size = norm(scale(draws.exponential(6)), draws.SCATTER[error])
    seen = size.sf(scale(draws.LIMIT))
    median = float(size.isf(seen / 2))
    return float(1 - size.sf(scale(15.0)) / seen), float(np.exp(median)) if error == "log" else median


def fitted_curve(error: str) -> Design:
    """What follows from an exponential fit: its rate, its curve at eight months, scans every six months."""
    share, median = scanned(error)

    def design(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
        rates, curves, plans = [], [], []
        for i in range(replicates):
            frame = draws.lesions(np.random.default_rng([seed, i]), n, "exponential", error)
            fit = analysis.fit_growth(frame, "x", "y", "exponential", error)
            rate = fit.parameters.set_index("parameter").loc["rate_per_month"]
            rates.append((rate["estimate"], rate["standard_error"]))
            curves.append(growth_curve(fit, 16, 17).iloc[8])
            plans.append(analysis.plan_surveillance(fit, (6,), seed=i).iloc[0])
        value, half = np.array(rates).T * np.array([[1.0], [stdtrit(n - 2, 0.975)]])
        end = f"{error} error"
        return {
            f"growth, rate, {end}, t": between(value - half, value + half, RATE),
            f"growth, band of the curve, {end}, delta": _limits(curves, draws.exponential(8)),
            f"planner, share small, {end}": _limits(plans, share, "share"),
            f"planner, median size, {end}": _limits(plans, median, "median"),
        }

    return design


BOOTSTRAPS = 300


def cluster_bootstrap(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """Patients of one to three lesions: everything that is made from resampled patients."""
    months, curves, plans = [], [], []
    for i in range(replicates):
        frame = draws.patients(np.random.default_rng([seed, i]), n)
        fit = analysis.fit_growth(
            frame, "x", "y", "exponential", "log", "patient", n_bootstrap=BOOTSTRAPS, seed=i
        )
        months.append(fit.threshold.iloc[1])
        curves.append(growth_curve(fit, 16, 17).iloc[8])
        plans.append(analysis.plan_surveillance(fit, (6,), seed=i).iloc[0])
    share, median = scanned("log")
    return {
        "growth, clusters, bootstrap": _limits(months, TRUTH["exponential"][0]),
        "growth, clusters, band of the curve": _limits(curves, draws.exponential(8)),
        "planner, clusters, share small": _limits(plans, share, "share"),
        "planner, clusters, median size": _limits(plans, median, "median"),
    }


def _onset_of_many() -> tuple[float, float]:
    """Share of at most 15 mm and median diameter six months after a negative CT, of four million lesions."""
    rng = np.random.default_rng(7)
    grown = draws.onset_rates(rng, 4_000_000) * 6 * rng.uniform(size=4_000_000)
    return float((grown <= draws.REACH).mean()), float(draws.LIMIT * np.exp(np.median(grown)))


def onset(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """Months from the detection limit to the threshold, and scans every six months."""
    months, plans = [], []
    for i in range(replicates):
        frame = draws.onset_lesions(np.random.default_rng([seed, i]), n)
        fit = analysis.fit_interval_onset(frame, "x", "y")
        months.append(fit.threshold.iloc[0])
        plans.append(analysis.plan_surveillance(fit, (6,), n_draws=1000, seed=i).iloc[0])
    share, median = _onset_of_many()
    return {
        "growth, interval-censored onset, profile": _limits(months, draws.ONSET_TRUTH),
        "planner, share small, onset": _limits(plans, share, "share"),
        "planner, median size, onset": _limits(plans, median, "median"),
    }


def mixed(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """The mean rate over lesions measured three to five times, Wald."""
    found = [mean_rate(draws.series(np.random.default_rng([seed, i]), n)) for i in range(replicates)]
    value, error = np.array(found).T
    return {"growth, mixed model, mean rate": between(value - Z * error, value + Z * error, draws.MEAN_RATE)}


def serial(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """The rate of each of n lesions measured three to five times, by t with its own degrees of freedom."""
    frame = draws.series(np.random.default_rng(seed), n * replicates)
    found = analysis.lesion_growth_rates(frame, "lesion", "x", "y")
    half = stdtrit(found["n_measurements"] - 2, 0.975) * found["standard_error"]
    truth = frame.groupby("lesion")["true_rate"].first().to_numpy()
    return {
        "growth of one lesion, t": between(
            found["rate_per_month"] - half, found["rate_per_month"] + half, truth
        )
    }


def clustered_share(n: int, replicates: int, seed: int) -> Mapping[str, Intervals]:
    """Share of lesions of at most 15 mm within a year, whose exact limits take lesions as independent."""
    truth = float((draws.patients(np.random.default_rng(8), 400_000).query("x <= 12")["y"] <= 15).mean())
    rows = []
    for i in range(replicates):
        frame = draws.patients(np.random.default_rng([seed, i]), n)
        rows.append(analysis.share_by_interval(frame, "x", "y", (12,)).iloc[0])
    return {
        "share of lesions, exact, lesions dependent": _limits(rows, truth),
        "share of lesions, Wilson, lesions dependent": _limits(rows, truth, "wilson"),
    }


def exact_coverage(n: int, shares: np.ndarray, method: str) -> np.ndarray:
    """Coverage of the limits of a proportion, without simulation: sums of binomial probabilities."""
    limits = {"exact": analysis.exact_proportion_ci, "wilson": analysis.wilson_ci}[method]
    found = np.array([limits(k, n) for k in range(n + 1)])
    chance = binom.pmf(np.arange(n + 1)[None, :], n, shares[:, None])
    inside = (found[:, 0][None, :] <= shares[:, None]) & (shares[:, None] <= found[:, 1][None, :])
    return (chance * inside).sum(axis=1)
