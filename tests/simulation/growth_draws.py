"""Simulated lesions whose growth is known.

Belongs here: growth curves, patients of several lesions, interval-censored onset, repeated measurements.
Does not belong here: intervals (growth_designs.py), bars and tests.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from registry_pipeline.analysis.growth.forms import FORMS, diameter

THRESHOLD = 15.0  # mm
# Month at the threshold, rate, and the shape of the forms with a plateau (at 28 to 50 mm).
TRUTH = {
    "exponential": (5.8, 0.12),
    "power": (5.8, 0.8),
    "linear": (8.0, 1.4),
    "gompertz": (5.8, 0.3, 0.25),
    "logistic": (5.8, 0.5, 0.33),
    "von_bertalanffy": (5.8, 2.0, 0.15),
}
SCATTER = {"additive": 2.5, "log": 0.25}


def lesions(rng: np.random.Generator, n: int, model: str, error: str) -> pd.DataFrame:
    """One reading per lesion and patient, months since the last negative CT between 2 and 14."""
    months = rng.uniform(2, 14, n)
    form = FORMS[model]
    first, *others = TRUTH[model]
    parameters = np.array([[np.log(first) if form.log_time else first, *others]])
    true = diameter(form, months, parameters, THRESHOLD)[0][0]
    noise = rng.normal(size=n) * SCATTER[error]
    size = true + noise if error == "additive" else true * np.exp(noise)
    return pd.DataFrame({"patient": np.arange(n), "x": months, "y": np.maximum(size, 0.1)})


def exponential(months: np.ndarray | float) -> np.ndarray | float:
    """Diameter of the exponential curve of TRUTH."""
    first, rate = TRUTH["exponential"]
    return THRESHOLD * np.exp(rate * (months - first))


def patients(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """n patients of one to three lesions whose deviations from the exponential curve go together."""
    size = rng.integers(1, 4, n)
    owner = np.repeat(np.arange(n), size)
    months = rng.uniform(2, 14, len(owner))
    shared = np.repeat(rng.normal(size=n), size)
    noise = SCATTER["log"] * (np.sqrt(0.6) * shared + np.sqrt(0.4) * rng.normal(size=len(owner)))
    return pd.DataFrame({"patient": owner, "x": months, "y": exponential(months) * np.exp(noise)})


ONSET_TRUTH, LIMIT, SPREAD = (
    10.5,
    4.0,
    0.7,
)  # months from the limit (mm) to the threshold, spread of log rates
REACH = float(np.log(THRESHOLD / LIMIT))


def onset_rates(rng: np.random.Generator, n: int) -> np.ndarray:
    """Lognormal growth rates per month, of which the median lesion takes ONSET_TRUTH from limit to threshold."""
    return REACH / ONSET_TRUTH * np.exp(SPREAD * rng.normal(size=n))


def onset_lesions(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Lesions that cross the limit at a uniform moment of the gap and grow at a lognormal rate from there."""
    months = rng.uniform(2, 18, n)
    rate = onset_rates(rng, n)
    return pd.DataFrame({"x": months, "y": LIMIT * np.exp(rate * months * rng.uniform(size=n))})


MEAN_RATE = 0.1  # per month, of repeated measurements


def series(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """n lesions measured three to five times within a year, each with its own size and rate."""
    size = rng.integers(3, 6, n)
    owner = np.repeat(np.arange(n), size)
    months = rng.uniform(0, 12, len(owner))
    level = np.log(8) + 0.3 * rng.normal(size=n)
    slope = MEAN_RATE + 0.05 * rng.normal(size=n)
    log_size = level[owner] + slope[owner] * months + 0.1 * rng.normal(size=len(owner))
    return pd.DataFrame({"lesion": owner, "x": months, "y": np.exp(log_size), "true_rate": slope[owner]})
