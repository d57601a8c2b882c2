"""Do 95 % limits hold the truth 95 times in 100? A short version of ``python -m tests.simulation``.

Cheap estimates are tried at the size of the study, and their coverage must lie between 93 and 97 %. Slow ones
get few replicates here, which must be such as limits of 95 % give in all but one of a thousand series; their
long version is in docs/statistics.md. Seeds are fixed.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from tests.simulation import designs, growth_designs
from tests.simulation.__main__ import SMALL, size_of
from tests.simulation.growth_designs import exact_coverage

pytestmark = pytest.mark.filterwarnings("error")
CHEAP = {
    "Kaplan-Meier at a landmark, log-log": 2000,
    "median survival, Brookmeyer-Crowley": 2000,
    "restricted mean": 2000,
    "difference of restricted means": 600,
    "reverse Kaplan-Meier median": 600,
    "observed median of follow-up": 600,
    "survival from a landmark": 1000,
    "left-truncated Kaplan-Meier": 1000,
    "Cox, continuous, Wald": 400,
    "Cox, clusters, robust": 500,
    "lesion-level survival, clusters": 1000,
    "Aalen-Johansen at a landmark": 1000,
    "Aalen-Johansen, infinitesimal jackknife": 1000,
    "Fine-Gray": 300,
    "concordance": 1500,
}
SLOW = {
    "Cox, binary, Wald": 40,
    "Cox, Firth, one covariate, profile": 25,
    "Cox, spline, pointwise": 20,
    "Cox, coefficient over time, smooth": 30,
    "cause-specific Cox": 40,
    "Cox, imputed, Rubin": 5,
    "growth, exponential, additive error, profile": 15,
    "growth, exponential, log error, profile": 15,
    "growth, power, additive error, profile": 12,
    "growth, power, log error, profile": 12,
    "growth, linear, additive error, profile": 12,
    "growth, linear, log error, profile": 12,
    "growth, rate, Wald": 12,
    "growth, cluster bootstrap": 12,
    "growth, band of the curve, delta": 20,
    "growth, band of the curve, bootstrap": 8,
    "growth, interval-censored onset, profile": 12,
    "planner, share small, additive error": 15,
    "planner, share small, log error": 15,
    "planner, median size, additive error": 15,
    "planner, median size, log error": 15,
    "planner, share small, onset": 10,
}
ALL = {**designs.DESIGNS, **growth_designs.DESIGNS}


@pytest.mark.parametrize("name", CHEAP)
def test_limits_hold_the_truth(name):
    found = ALL[name](SMALL, CHEAP[name], 1)
    assert found.given > 0.98
    assert 0.93 <= found.coverage <= 0.97


@pytest.mark.parametrize("name", SLOW)
def test_slow_limits_hold_the_truth(name):
    found = ALL[name](size_of(name), SLOW[name], 1)
    assert found.given > 0.98
    assert round(found.coverage * found.n_given) >= binom.ppf(0.001, found.n_given, 0.95)


def test_designs_left_to_the_long_version_are_named():
    assert not set(CHEAP) & set(SLOW)
    assert set(ALL) - set(CHEAP) - set(SLOW) == {"Cox, Firth, profile", "growth, mixed model, mean rate"}


@pytest.mark.parametrize("n", [19, 22, 56])
def test_limits_of_a_proportion(n):
    """Clopper-Pearson never covers less than it says, and therefore mostly more; Wilson is right on average."""
    shares = np.linspace(0.02, 0.98, 193)
    exact, wilson = exact_coverage(n, shares, "exact"), exact_coverage(n, shares, "wilson")
    assert exact.min() >= 0.95
    assert exact.mean() > 0.96
    assert 0.93 <= wilson.mean() <= 0.97
