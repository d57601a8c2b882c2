"""Do 95 % limits hold the truth 95 times in 100? A short version of ``python -m tests.simulation``.

From 2,000 replicates on the bars are 93 and 97 %. With fewer replicates limits of 95 % may fall outside these by
chance, so the bars are those that they pass in 998 of 1,000 series. What such a bar can see: limits of 1.645 standard
errors (which cover 90 %) fail in nearly every series of 2,000 or 1,000 and in 95 of 100 of 600; with 200 or fewer
replicates only a coverage below about 85 % fails for certain, and the figure that counts is the long version's in
docs/statistics.md. Everything is tried at the 56 patients of the study, at seed 1, which was fixed beforehand.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom, poisson

from registry_pipeline import analysis
from schemas import tables_of
from tests.simulation import growth_draws, outlook_designs
from tests.simulation.catalogue import CATALOGUE, COPIED, EXACT, SMALL, WIDER
from tests.simulation.growth_designs import exact_coverage, profile_excess
from tests.simulation.hard_designs import HARD, facilities
from tests.simulation.mixed_model import mean_rate

pytestmark = pytest.mark.filterwarnings("error")
SEED = 1
STATISTICS = Path(__file__).resolve().parents[2] / "docs" / "statistics.md"


def bars(n: int) -> tuple[float, float]:
    """Lowest and highest share of n intervals that may hold the truth."""
    if n >= 1900:  # 2,000 replicates, of which a few may have no interval
        return 0.93, 0.97
    return binom.ppf(0.001, n, 0.95) / n, binom.ppf(0.999, n, 0.95) / n


@pytest.mark.parametrize("name", [name for name, entry in CATALOGUE.items() if entry.suite])
def test_limits_hold_the_truth(name):
    entry = CATALOGUE[name]
    for label, found in entry.design(SMALL, entry.suite, SEED).items():
        lower, upper = bars(found.n_given)
        assert found.given > 0.95, label
        assert lower <= found.coverage <= upper, label


@pytest.mark.parametrize("name", HARD)
def test_limits_hold_the_truth_where_it_is_hard(name):
    design, _, replicates = HARD[name]
    for label, found in design(SMALL, replicates, SEED).items():
        lower, upper = bars(found.n_given)
        assert lower <= found.coverage <= upper, label


def test_what_knows_of_facilities_holds_what_ignoring_them_does_not():
    """The survival of facilities at large: too short limits where facility is ignored, honest ones where it is a cluster."""
    ignored, clustered = facilities(0.5)(SMALL, 2_000, SEED).values()
    assert ignored.coverage < 0.9 < clustered.coverage


def test_every_table_with_limits_has_a_design():
    limited = {
        name.removeprefix("result.")
        for name, model in tables_of("result").items()
        if any(column.endswith("_lower") for column in model.columns)
    }
    judged = {table for entry in CATALOGUE.values() for table in entry.tables}
    assert limited == judged | set(EXACT) | set(COPIED) | set(WIDER)


def test_every_table_of_results_says_what_its_numbers_rest_on():
    section = STATISTICS.read_text(encoding="utf-8").split("## What the numbers of each table")[1]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    tables = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(tables) == sorted(name.removeprefix("result.") for name in tables_of("result"))


def test_designs_left_to_the_long_version_are_named():
    """Firth's limits are tried on one covariate, which is four times as fast; see its figure in docs/statistics.md."""
    assert {name for name, entry in CATALOGUE.items() if not entry.suite} == {"Firth adjusted"}


@pytest.mark.parametrize("error", ["additive", "log"])
@pytest.mark.parametrize("model", list(growth_draws.TRUTH))
def test_the_short_way_to_a_profile_interval_is_that_of_the_release(model, error):
    """The designs ask only whether the profile at the truth is above the limit: at both ends it is at the limit."""
    for seed in range(3):
        frame = growth_draws.lesions(np.random.default_rng(seed), SMALL, model, error)
        row = analysis.fit_growth(frame, "x", "y", model, error).threshold.iloc[0]
        for end, side in (("ci_lower", 1.0), ("ci_upper", -1.0)):
            excess, above = profile_excess(frame, model, error, row[end])
            assert excess == pytest.approx(0.0, abs=1e-7) and np.sign(above) == side


def test_the_fast_mixed_model_is_that_of_the_release():
    for seed in range(3):
        frame = growth_draws.series(np.random.default_rng(seed), SMALL)
        fit = analysis.fit_growth_mixed(frame, "lesion", "x", "y")
        row = fit.parameters.set_index("parameter").loc["rate_per_month"]
        assert mean_rate(frame) == pytest.approx((row["estimate"], row["standard_error"]), rel=1e-3)


@pytest.mark.parametrize("n", [19, 22, 56])
def test_limits_of_a_proportion(n):
    """Clopper-Pearson never covers less than it says, and therefore mostly more; Wilson is right on average."""
    shares = np.linspace(0.02, 0.98, 193)
    exact, wilson = exact_coverage(n, shares, "exact"), exact_coverage(n, shares, "wilson")
    assert exact.min() >= 0.95
    assert exact.mean() > 0.96
    assert 0.93 <= wilson.mean() <= 0.97


def test_limits_of_a_facility():
    """Exact limits of a rate never cover less than they say, whether the expected number is known or estimated."""
    counts = np.arange(200)
    limits = np.array([analysis.exact_rate_ci(int(count), 1.0) for count in counts])
    for expected in np.linspace(0.5, 60, 120):
        inside = (limits[:, 0] <= expected) & (expected <= limits[:, 1])
        assert poisson.pmf(counts, expected) @ inside >= 0.95
    for label, found in outlook_designs.funnel(SMALL, 300, SEED).items():
        assert found.given == 1 and found.coverage >= 0.95, label
