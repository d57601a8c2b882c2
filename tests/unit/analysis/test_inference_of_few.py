"""Inference where patients are few, enter late, or belong together: what a p value and an error are worth there."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, chi2, false_discovery_control, poisson, t

from registry_pipeline import analysis
from registry_pipeline.analysis import distributions
from registry_pipeline.analysis.survival.kaplan_meier import _median_of_values
from registry_pipeline.analysis.survival.permutation import permutation_p, rank_scores
from registry_pipeline.analysis.times import check_times

END = ("time", "event")


def patients(sizes: tuple[int, ...], seed: int = 0) -> pd.DataFrame:
    """Groups of the given sizes without a difference; two causes; whole days."""
    rng, n = np.random.default_rng(seed), sum(sizes)
    time, end = np.ceil(rng.exponential(900, n)), np.floor(rng.uniform(300, 2700, n))
    frame = pd.DataFrame({"time": np.minimum(time, end), "event": (time <= end).astype(int)})
    frame["code"] = frame["event"] * rng.integers(1, 3, n)
    frame["group"], frame["stratum"] = np.repeat(list("abcd")[: len(sizes)], sizes), rng.choice(["s", "t"], n)
    return frame.assign(x=rng.normal(size=n))


TESTS = {
    "log-rank": lambda f: analysis.logrank_test(f, *END, "group"),
    "Peto": lambda f: analysis.logrank_test(f, *END, "group", weighting="peto"),
    "stratified": lambda f: analysis.logrank_test(f, *END, "group", "stratum"),
    "Gray": lambda f: analysis.gray_test(f, "time", "code", "group"),
}


@pytest.mark.parametrize("sizes", [(53, 3), (40, 14, 2), (37, 18, 1), (55, 1)])
@pytest.mark.parametrize("name", TESTS)
def test_a_permutation_leads_where_a_group_expects_few_events(name, sizes):
    row = TESTS[name](patients(sizes)).iloc[0]
    assert row["status"] == "ok" and row["least_expected"] < 5
    assert row["p_value"] == row["permutation_p_value"] and row["n_permutations"] >= 56
    assert "permutation" in row["p_value_method"] and "events are expected in" in row["note"]


@pytest.mark.parametrize("name", TESTS)
def test_the_chi_square_leads_where_all_groups_expect_many(name):
    row = TESTS[name](patients((60, 60))).iloc[0]
    assert row["p_value"] == row["asymptotic_p_value"] and np.isnan(row["permutation_p_value"])
    assert row["p_value_method"] == "chi-square" and row["note"] == ""


def test_scores_of_a_group_add_up_to_observed_less_expected():
    frame = patients((30, 12, 4), 3).assign(entry=lambda f: np.floor(f["time"] * 0.3))
    for weighting, power in (
        (None, (0.0, 0.0)),
        ("peto", (1.0, 0.0)),
        (("fleming-harrington", 0.5, 1), (0.5, 1.0)),
    ):
        groups = analysis.logrank_groups(frame, *END, "group", weighting=weighting, entry="entry")
        scores = rank_scores(check_times(frame, *END, "entry"), power)
        found = pd.Series(scores).groupby(frame["group"]).sum()
        np.testing.assert_allclose(found, groups["observed"] - groups["expected"], atol=1e-10)


def test_the_exact_p_counts_all_assignments():
    frame = patients((7, 3), 5)
    scores = rank_scores(check_times(frame, *END))
    group = (frame["group"] == "b").to_numpy().astype(np.int64)
    sums = np.array([abs(scores[list(chosen)].sum()) for chosen in combinations(range(10), 3)])
    found = permutation_p(scores, group, 2)
    assert found.is_exact and found.n_permutations == 120
    assert found.p_value == pytest.approx((sums >= abs(scores[group == 1].sum()) - 1e-9).mean())
    drawn = permutation_p(scores, group, 2, n_permutations=119)
    assert not drawn.is_exact and drawn.p_value == pytest.approx(found.p_value, abs=0.15)


def test_strata_keep_their_labels():
    """A group that is a stratum of its own cannot be dealt out: there is nothing to test."""
    frame = patients((20, 3)).assign(stratum=lambda f: f["group"])
    assert analysis.logrank_test(frame, *END, "group", "stratum").iloc[0]["status"] == "not_estimable"


def test_distributions_are_those_of_scipy_stats_which_no_module_of_the_product_loads():
    levels, means = np.array([0.9, 0.95, 0.998]), np.array([0.001, 0.3, 4, 77.7, 5000])
    for freedom in (1, 2, 7, 40.5, 999):
        quantiles = [distributions.student_quantile(level, freedom) for level in levels]
        assert np.array_equal(quantiles, t.ppf((1 + levels) / 2, freedom))
        assert np.array_equal(distributions.student_p(levels, freedom), 2 * t.sf(levels, freedom))
        assert distributions.chi_square_quantile(0.95, freedom) == chi2.ppf(0.95, freedom)
    assert np.isnan(distributions.student_quantile(0.95, 0))
    for share in (0.001, 0.025, 0.5, 0.975, 0.999):
        assert np.array_equal(distributions.poisson_quantile(share, means), poisson.ppf(share, means))
    for count in (0, 1, 5, 80, 5100):
        tails = np.minimum(poisson.cdf(count, means), poisson.sf(count - 1, means))
        p_values = [distributions.poisson_p(count, mean) for mean in means]
        assert np.array_equal(p_values, np.minimum(2 * tails, 1))
    product = Path(distributions.__file__).parents[1]
    loads = re.compile(r"^\s*(?:from|import) scipy(?:\.stats| import .*\bstats\b)", re.MULTILINE)
    assert not [path for path in product.rglob("*.py") if loads.search(path.read_text("utf-8"))]


def test_exploratory_p_values_are_adjusted_for_their_number():
    draws = np.round(np.random.default_rng(1).random((40, 9)), 1)
    for row in draws:  # with ties
        np.testing.assert_array_equal(analysis.false_discovery_p(row.tolist()), false_discovery_control(row))
    with pytest.raises(ValueError, match="between 0 and 1"):
        analysis.false_discovery_p([0.2, 1.5])
    found = analysis.false_discovery_p([0.01, 0.02, np.nan, 0.03, 0.5])
    np.testing.assert_allclose(found, [0.04, 0.04, np.nan, 0.04, 0.5])


GAP = pd.DataFrame({"time": [5.0, 7, 20, 22, 25], "event": [1, 1, 1, 0, 1], "entry": [1.0, 2, 10, 10, 11]})


@pytest.mark.parametrize("mark", [0.5, 8, 12, 24])
def test_delayed_entry_says_nothing_before_the_first_entry_nor_after_the_risk_set_emptied(mark):
    """Everybody at risk has died on day 7, before anybody else enters: S is neither 0 nor known afterwards."""
    single = analysis.landmark_survival(GAP, *END, mark, entry="entry").iloc[0]
    risk = analysis.landmark_incidence(GAP, *END, mark, entry="entry").iloc[0]
    truncated = analysis.immortal_time(GAP, *END, "entry", mark).iloc[1]
    for row, name in ((single, "survival"), (risk, "incidence"), (truncated, "survival")):
        assert row["status"] == "not_estimable" and np.isnan(row[name]) and np.isnan(row["ci_lower"])
        assert "before the first entry" in row["note"] or "before the next patient entered" in row["note"]


def test_delayed_entry_has_no_median_and_no_mean_across_a_gap():
    frame = GAP.assign(entry=[0.0, 0, 10, 10, 11], event=[0, 1, 1, 0, 1])
    row = analysis.median_survival(frame, *END, entry="entry").iloc[0]
    assert row["status"] == "not_estimable" and np.isnan(row["median_duration"])
    curve = analysis.kaplan_meier(frame, *END, entry="entry").set_index("duration_days")["survival"]
    assert curve[5] == 1 and curve[[7, 20, 22, 25]].isna().all()
    assert analysis.restricted_mean(frame, *END, 20, entry="entry").iloc[0]["status"] == "not_estimable"
    assert analysis.restricted_mean(GAP, *END, 4, entry="entry").iloc[0]["status"] == "not_estimable"


def test_a_gap_that_censoring_leaves_is_a_gap_too():
    frame = pd.DataFrame({"time": [5.0, 6, 20, 22], "event": [1, 0, 1, 0], "entry": [0.0, 0, 10, 10]})
    found = analysis.landmark_survival(frame, *END, [6, 15], entry="entry")
    assert found["status"].tolist() == ["ok", "not_estimable"]


def clustered(seed: int = 2) -> pd.DataFrame:
    """40 patients of two lesions that share their fate."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(40), 2)
    shared = np.repeat(rng.normal(size=40), 2)
    time = np.ceil(rng.exponential(500 * np.exp(shared)))
    return pd.DataFrame({"patient": owner, "time": time, "event": 1, "x": shared + 0.3 * rng.normal(size=80)})


def test_with_clusters_every_error_of_a_fit_knows_of_them():
    frame = clustered()
    plain = analysis.fit_cox(frame, *END, ["x"], cross_check=False)
    robust = analysis.fit_cox(frame, *END, ["x"], cluster="patient", cross_check=False)
    assert robust.concordance.estimate == plain.concordance.estimate
    assert robust.concordance.standard_error > 1.1 * plain.concordance.standard_error
    assert "likelihood-ratio test takes rows as independent" in robust.note
    row = robust.summary.iloc[0]
    assert row["wald_p_value"] > plain.summary.iloc[0]["wald_p_value"]


def test_copies_of_rows_do_not_narrow_the_concordance_within_clusters():
    frame = clustered()
    doubled = pd.concat([frame, frame], ignore_index=True)
    one, two = (
        analysis.fit_cox(f, *END, ["x"], cluster="patient", cross_check=False).concordance
        for f in (frame, doubled)
    )
    assert two.standard_error == pytest.approx(one.standard_error, rel=0.02)


@pytest.mark.parametrize(("n", "n_level"), [(1_000, 13), (2_000, 21), (100_000, 5)])
def test_a_penalised_fit_of_many_levels_is_bounded(n, n_level):
    """Forty million numbers added up, and then the note says whose limits are Wald's."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"hospital": rng.integers(0, n_level, n).astype(str)})
    time, end = np.ceil(rng.exponential(900, n)), rng.uniform(300, 2700, n)
    frame = frame.assign(time=np.ceil(np.minimum(time, end)), event=(time <= end).astype(int))
    started = process_time()
    firth = analysis.fit_cox(frame, *END, ["hospital"], penalty="firth")
    assert process_time() - started < 15
    plain = analysis.fit_cox(frame, *END, ["hospital"], cross_check=False)
    assert firth.status == "ok" and firth.terms["ci_lower"].notna().all()
    np.testing.assert_allclose(firth.terms["coefficient"], plain.terms["coefficient"], atol=0.02)


def test_the_fraction_of_information_missing_is_that_of_mice():
    """By hand, of m = 3 and one coefficient: lambda 0.4, Barnard and Rubin's degrees of freedom from 50."""
    estimates, variances = np.array([[0.0], [1.0], [2.0]]), np.full((3, 1), 2.0)
    pooled = analysis.pool_rubin(estimates, variances, 50.0)
    lam, increase = (4 / 3) / (2 + 4 / 3), (4 / 3) / 2
    old, observed = 2 / lam**2, 51 / 53 * 50 * (1 - lam)
    freedom = 1 / (1 / old + 1 / observed)
    assert pooled.variance_share_missing[0] == pytest.approx(lam)
    assert pooled.fraction_missing[0] == pytest.approx((increase + 2 / (freedom + 3)) / (increase + 1))


def test_a_difference_of_means_needs_five_patients_of_each_group():
    row = analysis.restricted_mean_difference(patients((50, 4), 1), *END, 400, "group").iloc[0]
    assert (
        row["status"] == "not_estimable"
        and np.isnan(row["p_value"])
        and "Fewer than 5 patients of b" in row["note"]
    )
    assert (
        analysis.restricted_mean_difference(patients((50, 20), 1), *END, 400, "group").iloc[0]["status"]
        == "ok"
    )


def test_order_statistics_about_a_median_are_those_of_the_binomial_distribution():
    for n in (1, 2, 5, 6, 17, 40, 1001):
        rank = int(binom.ppf(0.025, n, 0.5))
        ends = _median_of_values(np.arange(1.0, n + 1), 0.95)[1:]
        np.testing.assert_equal(ends, (rank, n + 1 - rank) if rank else (np.nan, np.nan))
