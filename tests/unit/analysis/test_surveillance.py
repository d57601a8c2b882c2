"""What a CT schedule would find."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from registry_pipeline.analysis.growth.fit import fit_growth
from registry_pipeline.analysis.growth.forms import FORMS, diameter
from registry_pipeline.analysis.growth.onset import fit_interval_onset
from registry_pipeline.analysis.growth.share_small import share_by_interval
from registry_pipeline.analysis.growth.surveillance import COLUMNS, plan_surveillance

pytestmark = pytest.mark.filterwarnings("error")


def lesions(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    months = rng.uniform(2, 14, n)
    rate = 0.2 * np.exp(0.5 * rng.normal(size=n))
    return pd.DataFrame(
        {"p": np.arange(n), "x": months, "y": 4 * np.exp(rate * months * rng.uniform(size=n))}
    )


def test_onset_plan_gives_the_simulated_shares():
    plan = plan_surveillance(fit_interval_onset(lesions(3000, 1), "x", "y")).set_index("ct_interval_months")
    rng = np.random.default_rng(9)
    rate, v = 0.2 * np.exp(0.5 * rng.normal(size=200_000)), rng.uniform(size=200_000)
    for months in (3.0, 6.0, 12.0):
        size = 4 * np.exp(rate * v * months)
        assert plan.loc[months, "share_small"] == pytest.approx((size <= 15).mean(), abs=0.02)
        assert plan.loc[months, "median_diameter_mm"] == pytest.approx(np.median(size), rel=0.05)


@pytest.mark.parametrize("error", ["additive", "log"])
def test_curve_plan_falls_with_the_interval_and_lies_in_its_band(error):
    fit = fit_growth(lesions(80, 2), "x", "y", "exponential", error, "p", n_bootstrap=150)
    plan = plan_surveillance(fit)
    assert list(plan.columns) == COLUMNS
    assert plan["share_small"].is_monotonic_decreasing
    assert plan["median_diameter_mm"].is_monotonic_increasing
    for name, estimate in (("share", "share_small"), ("median", "median_diameter_mm")):
        assert (plan[f"{name}_lower"] <= plan[estimate]).all()
        assert (plan[estimate] <= plan[f"{name}_upper"]).all()
    assert plan["share_small"].between(0, 1).all()


def test_log_curve_has_half_its_lesions_below_the_median():
    fit = fit_growth(lesions(80, 2), "x", "y", "exponential", "log")
    at = float(fit.threshold["months"].iloc[0])
    row = plan_surveillance(fit, [at], detection_limit_mm=1e-6).iloc[0]
    assert row["share_small"] == pytest.approx(0.5)
    assert row["median_diameter_mm"] == pytest.approx(15)


@pytest.mark.parametrize("error", ["additive", "log"])
@pytest.mark.parametrize("limit", [4.0, 9.0])
def test_what_lies_below_the_detection_limit_is_not_found(error, limit):
    fit = fit_growth(lesions(80, 2), "x", "y", "exponential", error)
    row = plan_surveillance(fit, [3.0], detection_limit_mm=limit, n_draws=200).iloc[0]
    centre = diameter(FORMS["exponential"], np.array([3.0]), fit.estimates[None, :], 15.0)[0][0, 0]
    noise = fit.residual_sd * np.random.default_rng(1).normal(size=400_000)
    size = centre + noise if error == "additive" else centre * np.exp(noise)
    found = size[size >= limit]
    assert len(found) < 0.97 * len(size)
    assert row["share_small"] == pytest.approx((found <= 15).mean(), abs=0.005)
    assert row["median_diameter_mm"] == pytest.approx(np.median(found), rel=0.01)
    assert row["share_small"] < (size <= 15).mean() - 0.002
    assert f"{limit:g} mm" in row["assumption"]
    assert f"{error} error" in row["assumption"]


def test_a_cutpoint_below_the_limit_finds_nothing_small():
    fit = fit_growth(lesions(80, 2), "x", "y")
    plan = plan_surveillance(fit, cutpoint_mm=3.0, detection_limit_mm=4.0)
    assert (plan["share_small"] == 0).all()
    assert (plan["median_diameter_mm"] > 4).all()


def test_what_was_observed_stands_beside_what_is_expected():
    frame = pd.DataFrame({"x": [2.0, 5.0, 8.0, 9.0, 11.0], "y": [6.0, 9.0, 14.0, 21.0, 30.0]})
    shares = share_by_interval(frame, "x", "y")
    plan = plan_surveillance(fit_growth(frame, "x", "y"), observed=shares)
    assert (
        plan["note"].str.contains("1 of 1 within 3 months, 2 of 2 within 6 months, 3 of 5 within 12 months")
    ).all()


def test_extrapolation_is_flagged():
    plan = plan_surveillance(fit_growth(lesions(80, 3), "x", "y"), [1, 6, 30])
    assert list(plan["is_extrapolated"]) == [True, False, True]


def test_a_fit_that_was_not_certified_gives_nulls_and_its_note():
    plan = plan_surveillance(fit_growth(lesions(1, 1), "x", "y"))
    assert plan["share_small"].isna().all()
    assert plan["assumption"].str.contains("usable lesion;").all()
    assert len(plan) == 6


def test_same_seed_same_bands():
    fit = fit_interval_onset(lesions(100, 4), "x", "y")
    assert plan_surveillance(fit, seed=3).equals(plan_surveillance(fit, seed=3))


def test_intervals_must_be_positive():
    with pytest.raises(ValueError, match="intervals must be finite numbers greater than 0"):
        plan_surveillance(fit_growth(lesions(30, 1), "x", "y"), [0, 3])
