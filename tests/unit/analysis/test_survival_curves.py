"""Curves, landmarks, medians, follow-up and tests of groups, on small tables and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from registry_pipeline.analysis import (
    exact_proportion_ci,
    follow_up,
    kaplan_meier,
    landmark_survival,
    logrank_test,
    median_survival,
    restricted_mean,
    restricted_mean_difference,
)

SMALL = pd.DataFrame({"time": [1, 2, 2, 3, 4, 4], "event": [1, 0, 1, 1, 0, 1], "group": list("aabbab")})


def simulate(seed, n, rate=1 / 500, censor=900.0):
    rng = np.random.default_rng(seed)
    death, end = rng.exponential(1 / rate, n), rng.uniform(100, censor, n)
    return pd.DataFrame({"time": np.minimum(death, end), "event": (death <= end).astype(int)})


def test_curve_by_hand():
    curve = kaplan_meier(SMALL, "time", "event")
    assert curve["duration_days"].tolist() == [1, 2, 3, 4]
    assert curve["n_at_risk"].tolist() == [6, 5, 3, 2]
    assert curve["n_event"].tolist() == [1, 1, 1, 1]
    assert curve["n_censored"].tolist() == [0, 1, 0, 1]
    np.testing.assert_allclose(curve["survival"], [5 / 6, 4 / 6, 4 / 9, 2 / 9])
    assert set(curve["stratum_variable"]) == set(curve["stratum"]) == {"overall"}


def test_polars_gives_the_same():
    pd.testing.assert_frame_equal(
        kaplan_meier(SMALL, "time", "event", by="group"),
        kaplan_meier(pl.from_pandas(SMALL), "time", "event", by="group"),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=40))
def test_curve_falls_from_one_and_counts_everybody(rows):
    frame = pd.DataFrame(rows, columns=["time", "event"])
    curve = kaplan_meier(frame, "time", "event")
    assert curve["n_event"].sum() + curve["n_censored"].sum() == len(frame)
    assert curve["survival"].between(0, 1).all()
    assert curve["survival"].is_monotonic_decreasing
    inside = curve.dropna(subset=["ci_lower", "ci_upper"])
    assert (inside["ci_lower"] <= inside["survival"]).all()
    assert (inside["survival"] <= inside["ci_upper"]).all()


def test_without_censoring_the_curve_is_the_share_alive():
    frame = pd.DataFrame({"time": range(1, 101), "event": 1})
    np.testing.assert_allclose(kaplan_meier(frame, "time", "event")["survival"], 1 - np.arange(1, 101) / 100)


def test_no_events_gives_no_interval_but_an_exact_bound():
    frame = pd.DataFrame({"time": [100] * 19, "event": 0})
    row = landmark_survival(frame, "time", "event", 50).iloc[0]
    assert row["survival"] == 1
    assert math.isnan(row["ci_lower"]) and math.isnan(row["ci_upper"])
    assert exact_proportion_ci(0, 19)[1] == pytest.approx(0.176, abs=5e-4)


def test_landmark_beyond_follow_up_has_no_estimate():
    row = landmark_survival(SMALL, "time", "event", [4, 4.5])
    assert row["is_beyond_follow_up"].tolist() == [False, True]
    assert math.isnan(row["survival"].iloc[1]) and row["n_at_risk"].tolist() == [2, 0]


def test_landmark_in_months():
    frame = pd.DataFrame({"time": [1000, 1200, 1300], "event": [1, 1, 0]})
    row = landmark_survival(frame, "time", "event", 36, unit="months").iloc[0]
    assert row["landmark"] == 36 * 30.4375 and row["landmark_months"] == 36
    assert row["survival"] == pytest.approx(2 / 3) and row["n_at_risk"] == 2


def test_median_is_the_middle_of_the_flat_part_at_one_half():
    frame = pd.DataFrame({"time": [1, 2, 5, 9], "event": 1})
    assert median_survival(frame, "time", "event")["median_duration"].item() == 3.5
    assert median_survival(frame, "time", "event", midpoint=False)["median_duration"].item() == 2
    never = pd.DataFrame({"time": [1, 2, 5, 9], "event": [1, 0, 0, 0]})
    assert math.isnan(median_survival(never, "time", "event")["median_months"].item())


def test_follow_up_by_both_definitions():
    frame = pd.DataFrame({"time": [10, 20, 30, 40, 50], "event": [1, 1, 1, 0, 0]})
    observed, reverse = (
        follow_up(frame, "time", "event", kind).iloc[0] for kind in ("observed", "reverse_km")
    )
    assert observed["median_duration"] == 30
    assert reverse["median_duration"] == 45
    assert reverse["min_months"] == 10 / 30.4375 and reverse["n"] == 5


def test_patients_without_group_are_counted():
    frame = SMALL.assign(group=["a", None, "a", "b", "b", None])
    assert kaplan_meier(frame, "time", "event", by="group").attrs["n_missing"] == 2
    assert logrank_test(frame, "time", "event", by="group")["n_missing"].item() == 2


def test_weights_of_fleming_and_harrington_contain_both_classics():
    frame = simulate(3, 80).assign(group=np.arange(80) % 3)
    plain = logrank_test(frame, "time", "event", "group")
    zero = logrank_test(frame, "time", "event", "group", weighting=("fleming-harrington", 0, 0))
    peto = logrank_test(frame, "time", "event", "group", weighting="peto")
    one = logrank_test(frame, "time", "event", "group", weighting=("fleming-harrington", 1, 0))
    assert plain["chi_square"].item() == pytest.approx(zero["chi_square"].item(), rel=1e-12)
    assert peto["chi_square"].item() == pytest.approx(one["chi_square"].item(), rel=1e-12)
    with pytest.raises(ValueError, match="weighting"):
        logrank_test(frame, "time", "event", "group", weighting="wilcoxon")


def test_restricted_mean_by_hand_and_its_limits():
    row = restricted_mean(SMALL, "time", "event", 4).iloc[0]
    assert row["estimate"] == pytest.approx(1 + 5 / 6 + 4 / 6 + 4 / 9)
    cut = restricted_mean(SMALL.assign(event=[1, 0, 1, 1, 0, 0]), "time", "event", 5).iloc[0]
    assert cut["status"] == "not_estimable" and math.isnan(cut["estimate"]) and "horizon" in cut["note"]


def test_limits_of_restricted_means_are_students_and_welchs_where_nobody_is_censored():
    rng = np.random.default_rng(3)
    one, two = np.ceil(rng.exponential(300, 12)), np.ceil(rng.exponential(500, 9))
    frame = pd.DataFrame({"time": np.concatenate([one, two]), "event": 1, "group": [*"a" * 12, *"b" * 9]})
    known = [np.minimum(part, 400) for part in (one, two)]
    means = restricted_mean(frame, "time", "event", 400, "group")
    for row, part in zip(means.to_dict("records"), known, strict=True):
        want = stats.ttest_1samp(part, 0).confidence_interval()
        assert (row["ci_lower"], row["ci_upper"]) == pytest.approx(tuple(want), rel=1e-12)
    gap = restricted_mean_difference(frame, "time", "event", 400, "group").iloc[0]
    welch = stats.ttest_ind(known[1], known[0], equal_var=False)
    assert (gap["ci_lower"], gap["ci_upper"]) == pytest.approx(tuple(welch.confidence_interval()), rel=1e-12)
    assert (gap["p_value"], gap["degrees_of_freedom"]) == pytest.approx((welch.pvalue, welch.df), rel=1e-12)


def test_one_patient_seen_to_the_end_gives_no_interval():
    frame = pd.DataFrame({"time": [5, 6, 20], "event": [1, 0, 0]})
    row = restricted_mean(frame, "time", "event", 15).iloc[0]
    assert row["status"] == "ok" and row["degrees_of_freedom"] == 1  # one dies, one reaches the horizon
    row = restricted_mean(frame.assign(time=[5, 2, 3]), "time", "event", 15).iloc[0]
    assert row["estimate"] == 5 and math.isnan(row["ci_lower"]) and "Only one patient" in row["note"]


@pytest.mark.parametrize("lone", [[0], [1], [0] * 5])
def test_a_group_without_a_standard_error_cannot_be_compared(lone):
    group = pd.DataFrame({"time": [700] * len(lone), "event": lone, "group": "b"})
    frame = pd.concat([simulate(1, 40).assign(group="a"), group], ignore_index=True)
    row = restricted_mean_difference(frame, "time", "event", 400, "group").iloc[0]
    assert row[["estimate", "standard_error", "ci_lower", "ci_upper", "p_value"]].isna().all()
    assert row["status"] == "not_estimable" and "no standard error" in row["note"]


def test_restricted_mean_difference_has_its_coverage():
    hits, draws = 0, 400
    truth = (1 - math.exp(-400 / 300)) * 300 - (1 - math.exp(-400 / 500)) * 500
    for seed in range(draws):
        frame = pd.concat(
            [
                simulate(2 * seed, 60).assign(group="a"),
                simulate(2 * seed + 1, 60, rate=1 / 300).assign(group="b"),
            ]
        )
        row = restricted_mean_difference(frame, "time", "event", 400, "group").iloc[0]
        hits += row["ci_lower"] <= truth <= row["ci_upper"]
    assert 0.92 <= hits / draws <= 0.98  # 0.95 within three standard errors of 400 draws


def test_interval_of_survival_has_its_coverage():
    hits, draws = 0, 600
    for seed in range(draws):
        row = landmark_survival(simulate(seed, 60), "time", "event", 365).iloc[0]
        hits += row["ci_lower"] <= math.exp(-365 / 500) <= row["ci_upper"]
    assert 0.92 <= hits / draws <= 0.975


def test_logrank_keeps_its_level():
    rejected = 0
    for seed in range(600):
        frame = simulate(seed, 60).assign(group=np.arange(60) % 2)
        rejected += logrank_test(frame, "time", "event", "group")["p_value"].item() < 0.05
    assert 0.025 <= rejected / 600 <= 0.08


def test_a_million_rows():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"time": rng.integers(0, 4000, 10**6), "event": rng.integers(0, 2, 10**6)})
    curve = kaplan_meier(frame, "time", "event")
    assert len(curve) == 4000 and curve["n_at_risk"].iloc[0] == 10**6
