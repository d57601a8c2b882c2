"""Simulated lesions whose growth is known, and the limits of each replicate.

Belongs here: growth curves, interval-censored onset, planned scans, shares. Does not belong here: bars and tests.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import binom, norm, t

from registry_pipeline import analysis
from registry_pipeline.analysis.growth_band import growth_curve
from registry_pipeline.analysis.growth_forms import FORMS, diameter
from tests.simulation.designs import Design, Intervals

THRESHOLD = 15.0
T15 = {"exponential": 5.8, "power": 5.8, "linear": 8.0}
RATE = {"exponential": 0.12, "power": 0.8, "linear": 1.4}
SCATTER = {"additive": 2.5, "log": 0.25}


def lesions(rng: np.random.Generator, n: int, model: str, error: str) -> pd.DataFrame:
    """One reading per lesion and patient, months since the last negative CT between 2 and 14."""
    months = rng.uniform(2, 14, n)
    form = FORMS[model]
    first = np.log(T15[model]) if form.log_time else T15[model]
    true = diameter(form, months, np.array([[first, RATE[model]]]), THRESHOLD)[0][0]
    noise = rng.normal(size=n) * SCATTER[error]
    size = true + noise if error == "additive" else true * np.exp(noise)
    return pd.DataFrame({"patient": np.arange(n), "x": months, "y": np.maximum(size, 0.1)})


def _threshold(model: str, error: str) -> Design:
    """Profile limits of the month at which the curve reaches the threshold."""

    def design(n: int, replicates: int, seed: int) -> Intervals:
        rows = [
            analysis.fit_growth(
                lesions(np.random.default_rng([seed, i]), n, model, error), "x", "y", model, error
            ).threshold.iloc[0]
            for i in range(replicates)
        ]
        found = pd.DataFrame(rows)
        return Intervals(found["ci_lower"].to_numpy(float), found["ci_upper"].to_numpy(float), T15[model])

    return design


def growth_rate(n: int, replicates: int, seed: int) -> Intervals:
    """Wald limits of the rate, from its standard error and the t distribution."""
    found = [
        analysis.fit_growth(
            lesions(np.random.default_rng([seed, i]), n, "exponential", "additive"), "x", "y"
        ).parameters.set_index("parameter").loc["rate_per_month"]
        for i in range(replicates)
    ]  # fmt: skip
    value = np.array([row["estimate"] for row in found], dtype=float)
    half = t.ppf(0.975, n - 2) * np.array([row["standard_error"] for row in found], dtype=float)
    return Intervals(value - half, value + half, RATE["exponential"])


def patients(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """n patients of one to three lesions whose deviations from the curve go together."""
    size = rng.integers(1, 4, n)
    owner = np.repeat(np.arange(n), size)
    months = rng.uniform(2, 14, len(owner))
    shared = np.repeat(rng.normal(size=n), size)
    noise = 0.25 * (np.sqrt(0.6) * shared + np.sqrt(0.4) * rng.normal(size=len(owner)))
    true = THRESHOLD * np.exp(RATE["exponential"] * (months - T15["exponential"]))
    return pd.DataFrame({"patient": owner, "x": months, "y": true * np.exp(noise)})


def cluster_bootstrap(n: int, replicates: int, seed: int) -> Intervals:
    """Expanded percentile limits of the month to the threshold over resampled patients."""
    rows = [
        analysis.fit_growth(
            patients(np.random.default_rng([seed, i]), n), "x", "y", "exponential", "log", "patient",
            n_bootstrap=300, seed=i,
        ).threshold.iloc[1]
        for i in range(replicates)
    ]  # fmt: skip
    found = pd.DataFrame(rows)
    return Intervals(found["ci_lower"].to_numpy(float), found["ci_upper"].to_numpy(float), T15["exponential"])


def _band(n_bootstrap: int) -> Design:
    """Pointwise limits of the fitted curve at eight months."""

    def design(n: int, replicates: int, seed: int) -> Intervals:
        rows = []
        for i in range(replicates):
            rng = np.random.default_rng([seed, i])
            frame = patients(rng, n) if n_bootstrap else lesions(rng, n, "exponential", "log")
            fit = analysis.fit_growth(
                frame, "x", "y", "exponential", "log", "patient", n_bootstrap=n_bootstrap, seed=i
            )
            rows.append(growth_curve(fit, 16, 17).iloc[8])
        found, truth = pd.DataFrame(rows), THRESHOLD * float(np.exp(RATE["exponential"] * 2.2))
        return Intervals(found["ci_lower"].to_numpy(float), found["ci_upper"].to_numpy(float), truth)

    return design


ONSET_TRUTH, LIMIT, SPREAD = 10.5, 4.0, 0.7


def onset_lesions(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Lesions that cross the limit at a uniform moment of the gap and grow at a lognormal rate from there."""
    months = rng.uniform(2, 18, n)
    rate = np.log(THRESHOLD / LIMIT) / ONSET_TRUTH * np.exp(SPREAD * rng.normal(size=n))
    return pd.DataFrame({"x": months, "y": LIMIT * np.exp(rate * months * rng.uniform(size=n))})


def onset(n: int, replicates: int, seed: int) -> Intervals:
    """Profile limits of the months from the detection limit to the threshold."""
    rows = [
        analysis.fit_interval_onset(
            onset_lesions(np.random.default_rng([seed, i]), n), "x", "y"
        ).threshold.iloc[0]
        for i in range(replicates)
    ]
    found = pd.DataFrame(rows)
    return Intervals(found["ci_lower"].to_numpy(float), found["ci_upper"].to_numpy(float), ONSET_TRUTH)


def _planned(column: str, error: str, months: float, limit: float) -> Design:
    """Band of what a CT every so many months finds among lesions of at least `limit` mm, from the fitted curve."""
    centre = THRESHOLD * float(np.exp(RATE["exponential"] * (months - T15["exponential"])))
    scale = np.log if error == "log" else float
    scatter = norm(scale(centre), SCATTER[error])
    seen = scatter.sf(scale(limit))
    share = 1 - scatter.sf(scale(THRESHOLD)) / seen
    median = scatter.isf(seen / 2)
    truth = share if column == "share" else float(np.exp(median)) if error == "log" else median

    def design(n: int, replicates: int, seed: int) -> Intervals:
        rows = []
        for i in range(replicates):
            frame = lesions(np.random.default_rng([seed, i]), n, "exponential", error)
            fit = analysis.fit_growth(frame, "x", "y", "exponential", error)
            rows.append(analysis.plan_surveillance(fit, (months,), detection_limit_mm=limit, seed=i).iloc[0])
        found = pd.DataFrame(rows)
        lower, upper = (found[f"{column}_{end}"].to_numpy(float) for end in ("lower", "upper"))
        return Intervals(lower, upper, float(truth))

    return design


def planned_onset_share(n: int, replicates: int, seed: int) -> Intervals:
    """Band of the share still small with a CT every six months, from the interval-censored onset."""
    rng = np.random.default_rng(7)
    rate = np.log(THRESHOLD / LIMIT) / ONSET_TRUTH * np.exp(SPREAD * rng.normal(size=4_000_000))
    truth = float((rate * 6 * rng.uniform(size=len(rate)) <= np.log(THRESHOLD / LIMIT)).mean())
    rows = []
    for i in range(replicates):
        fit = analysis.fit_interval_onset(onset_lesions(np.random.default_rng([seed, i]), n), "x", "y")
        rows.append(analysis.plan_surveillance(fit, (6,), n_draws=1000, seed=i).iloc[0])
    found = pd.DataFrame(rows)
    return Intervals(found["share_lower"].to_numpy(float), found["share_upper"].to_numpy(float), truth)


def mixed_rate(n: int, replicates: int, seed: int) -> Intervals:
    """Wald limits of the mean growth rate over lesions measured three to five times."""
    lower, upper = np.full(replicates, np.nan), np.full(replicates, np.nan)
    for i in range(replicates):
        rng = np.random.default_rng([seed, i])
        size = rng.integers(3, 6, n)
        owner = np.repeat(np.arange(n), size)
        months = rng.uniform(0, 12, len(owner))
        level = np.log(8) + 0.3 * rng.normal(size=n)
        slope = 0.1 + 0.05 * rng.normal(size=n)
        log_size = level[owner] + slope[owner] * months + 0.1 * rng.normal(size=len(owner))
        frame = pd.DataFrame({"lesion": owner, "x": months, "y": np.exp(log_size)})
        fit = analysis.fit_growth_mixed(frame, "lesion", "x", "y")
        if fit.converged:
            row = fit.parameters.set_index("parameter").loc["rate_per_month"]
            half = 1.959963984540054 * row["standard_error"]
            lower[i], upper[i] = row["estimate"] - half, row["estimate"] + half
    return Intervals(lower, upper, 0.1)


def exact_coverage(n: int, shares: np.ndarray, method: str) -> np.ndarray:
    """Coverage of the limits of a proportion, without simulation: sums of binomial probabilities."""
    limits = {"exact": analysis.exact_proportion_ci, "wilson": analysis.wilson_ci}[method]
    found = np.array([limits(k, n) for k in range(n + 1)])
    chance = binom.pmf(np.arange(n + 1)[None, :], n, shares[:, None])
    inside = (found[:, 0][None, :] <= shares[:, None]) & (shares[:, None] <= found[:, 1][None, :])
    return (chance * inside).sum(axis=1)


DESIGNS: dict[str, Design] = {
    **{
        f"growth, {model}, {error} error, profile": _threshold(model, error)
        for model in T15
        for error in SCATTER
    },
    "growth, rate, Wald": growth_rate,
    "growth, cluster bootstrap": cluster_bootstrap,
    "growth, band of the curve, delta": _band(0),
    "growth, band of the curve, bootstrap": _band(300),
    "growth, interval-censored onset, profile": onset,
    "growth, mixed model, mean rate": mixed_rate,
    # A tenth to a fifth of the lesions at these intervals lie below these limits.
    "planner, share small, additive error": _planned("share", "additive", 6.0, 13.0),
    "planner, share small, log error": _planned("share", "log", 6.0, 12.0),
    "planner, median size, additive error": _planned("median", "additive", 4.0, 10.0),
    "planner, median size, log error": _planned("median", "log", 4.0, 10.0),
    "planner, share small, onset": planned_onset_share,
}
