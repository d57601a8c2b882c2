"""Do 95 % limits hold the truth 95 times in 100? A short version of ``python -m tests.simulation``.

With 300 replicates or more the coverage must lie between 93 and 97 %; with fewer (slow estimates) it must be
one that limits of 95 % give in all but one of a thousand series. Seeds are fixed.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from tests.simulation import designs, growth_designs
from tests.simulation.__main__ import size_of
from tests.simulation.growth_designs import exact_coverage

pytestmark = pytest.mark.filterwarnings("error")
ENOUGH = 300
REPLICATES = {
    "Kaplan-Meier at a landmark, log-log": 1500,
    "median survival, Brookmeyer-Crowley": 1500,
    "restricted mean": 1500,
    "difference of restricted means": 500,
    "reverse Kaplan-Meier median": 500,
    "observed median of follow-up": 400,
    "survival from a landmark": 1000,
    "left-truncated Kaplan-Meier": 1000,
    "Cox, continuous, Wald": 400,
    "Cox, binary, Wald": 60,
    "Cox, Firth, one covariate, profile": 300,
    "Cox, spline, pointwise": 60,
    "Cox, clusters, robust": 400,
    "lesion-level survival, clusters": 1000,
    "Aalen-Johansen at a landmark": 1500,
    "Aalen-Johansen, infinitesimal jackknife": 1000,
    "Fine-Gray": 350,
    "cause-specific Cox": 60,
    "concordance": 500,
    "Cox, imputed, Rubin": 12,
    "growth, exponential, additive error, profile": 60,
    "growth, exponential, log error, profile": 20,
    "growth, power, additive error, profile": 20,
    "growth, power, log error, profile": 20,
    "growth, linear, additive error, profile": 20,
    "growth, linear, log error, profile": 20,
    "growth, rate, Wald": 20,
    "growth, cluster bootstrap": 30,
    "growth, interval-censored onset, profile": 40,
    "planner, share small, fitted curve": 20,
    "planner, median size, fitted curve": 20,
    "planner, share small, onset": 20,
}
ALL = {**designs.DESIGNS, **growth_designs.DESIGNS}


@pytest.mark.parametrize("name", REPLICATES)
def test_limits_hold_the_truth(name):
    replicates = REPLICATES[name]
    found = ALL[name](size_of(name), replicates, 1)
    assert found.given > 0.98
    if replicates >= ENOUGH:
        assert 0.93 <= found.coverage <= 0.97
    else:
        assert round(found.coverage * found.n_given) >= binom.ppf(0.001, found.n_given, 0.95)


def test_designs_left_to_the_long_version_are_named():
    assert set(ALL) - set(REPLICATES) == {"Cox, Firth, profile", "growth, mixed model, mean rate"}


@pytest.mark.parametrize("n", [19, 22, 56])
def test_limits_of_a_proportion(n):
    """Clopper-Pearson never covers less than it says, and therefore mostly more; Wilson is right on average."""
    shares = np.linspace(0.02, 0.98, 193)
    exact, wilson = exact_coverage(n, shares, "exact"), exact_coverage(n, shares, "wilson")
    assert exact.min() >= 0.95
    assert exact.mean() > 0.96
    assert 0.93 <= wilson.mean() <= 0.97
