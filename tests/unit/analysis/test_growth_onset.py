"""The likelihood with interval-censored onset."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from registry_pipeline.analysis.growth.fit import fit_growth
from registry_pipeline.analysis.growth.onset import fit_interval_onset
from registry_pipeline.analysis.growth.onset_likelihood import rate_density_log, rate_distribution
from registry_pipeline.analysis.growth.serial import fit_growth_mixed

pytestmark = pytest.mark.filterwarnings("error")
TRUTH = 10.5


def cohort(n: int, seed: int, spread: float = 0.7, limit: float = 4.0) -> pd.DataFrame:
    """Lesions that cross the limit at a uniform moment of the gap and grow at a lognormal rate from there."""
    rng = np.random.default_rng(seed)
    months = rng.uniform(2, 18, n)
    rate = np.log(15 / limit) / TRUTH * np.exp(spread * rng.normal(size=n))
    age = months * rng.uniform(size=n)
    return pd.DataFrame({"patient": np.arange(n), "x": months, "y": limit * np.exp(rate * age)})


def test_density_and_distribution_are_those_of_the_product():
    mu, sigma = np.log(0.13), 0.6

    def by_quadrature(r: float) -> float:  # integral over log k of phi / k, k > r
        return quad(lambda z: norm.pdf(z, mu, sigma) * np.exp(-z), np.log(r), mu + 12 * sigma)[0]

    for r in (0.01, 0.1, 0.3, 0.9):
        assert np.exp(rate_density_log(np.array(r), mu, sigma)) == pytest.approx(by_quadrature(r), rel=1e-6)
        cumulative = quad(lambda q: float(np.exp(rate_density_log(np.array(q), mu, sigma))), 0, r)[0]
        assert float(rate_distribution(np.array(r), mu, sigma)) == pytest.approx(cumulative, rel=1e-6)
    assert float(rate_distribution(np.array(0.0), mu, sigma)) == 0.0
    assert float(rate_distribution(np.array(1e6), mu, sigma)) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_truth_is_recovered_where_the_plain_regression_is_half_off(seed):
    frame = cohort(2500, seed)
    onset = fit_interval_onset(frame, "x", "y")
    plain = fit_growth(frame, "x", "y", "exponential", "log")
    assert onset.threshold["months"].iloc[0] == pytest.approx(TRUTH, rel=0.05)
    assert plain.threshold["months"].iloc[0] > 1.4 * TRUTH
    assert onset.parameters.set_index("parameter").loc["rate_log_sd", "estimate"] == pytest.approx(
        0.7, rel=0.1
    )


def test_profile_interval_covers_the_truth_as_often_as_it_says():
    covered = 0
    for seed in range(60):
        row = fit_interval_onset(cohort(80, 100 + seed, 0.5), "x", "y").threshold.iloc[0]
        covered += row["ci_lower"] <= TRUTH <= row["ci_upper"]
    assert covered >= 51  # 57 expected; 50 or fewer has a chance below 1 in 1000


def test_a_wrong_detection_limit_is_visible_in_the_answer():
    frame = cohort(800, 4)
    months = [
        fit_interval_onset(frame, "x", "y", detection_limit_mm=limit).threshold["months"].iloc[0]
        for limit in (3.0, 4.0, 5.0)
    ]
    assert len({round(m, 2) for m in months}) == 3


def test_lesions_at_or_below_the_limit_enter_and_are_counted():
    frame = pd.concat([cohort(200, 5), pd.DataFrame({"patient": 900, "x": [5.0, 7.0], "y": [3.0, 4.0]})])
    fit = fit_interval_onset(frame, "x", "y", detection_limit_mm=4.0)
    assert "2 lesions read at or below it" in fit.note
    assert set(fit.parameters["n_lesions"]) == {202}


def test_bootstrap_row():
    fit = fit_interval_onset(cohort(60, 6), "x", "y", "patient", n_bootstrap=40, seed=1)
    assert list(fit.threshold["ci_method"]) == ["profile", "cluster_bootstrap"]
    row = fit.threshold.iloc[1]
    assert row["ci_lower"] < row["months"] < row["ci_upper"]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_lesions_get_a_sentence(n):
    fit = fit_interval_onset(cohort(5, 1).head(n), "x", "y")
    assert fit.status == "not_estimable"
    assert "fewer than three" in fit.note
    assert fit.threshold["months"].isna().all()


def test_no_spread_between_lesions_is_not_reported_as_zero():
    """With v fixed, not uniform, the likelihood is flat or runs away in sigma: the status says so."""
    frame = pd.DataFrame({"x": [4.0, 6, 8, 10, 12], "y": [4.5] * 5})
    fit = fit_interval_onset(frame, "x", "y")
    assert fit.status in {"ok", "not_identifiable", "not_converged"}
    assert np.isfinite(fit.threshold["months"].iloc[0]) == (fit.status == "ok")


def test_limit_must_lie_below_the_threshold():
    with pytest.raises(ValueError, match="between 0 and"):
        fit_interval_onset(cohort(9, 1), "x", "y", detection_limit_mm=15)


def test_one_lesion_is_said_in_the_singular():
    frame = pd.DataFrame({"x": [3.0, 5.0, 8.0, 9.0, None], "y": [4.0, 9.0, 14.0, 21.0, 30.0]})
    note = fit_interval_onset(frame, "x", "y").note
    assert "1 lesion left out" in note
    assert "1 lesion read at or below it enters as such" in note
    assert fit_growth(frame.iloc[:1], "x", "y").note.startswith("1 usable lesion;")
    two = pd.concat([frame.iloc[:1].assign(lesion="a", x=one) for one in (1.0, 2.0)]).assign(p="P")
    note = fit_growth_mixed(two, "lesion", "x", "y", "p").note
    assert "1 lesion with repeated" in note and "1 lesions" not in note and "1 patients" not in note
