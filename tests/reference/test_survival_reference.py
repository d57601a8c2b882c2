"""Kaplan-Meier, log-rank and restricted means against R survival."""

from __future__ import annotations

import pytest

from registry_pipeline.analysis import (
    follow_up,
    kaplan_meier,
    landmark_survival,
    logrank_groups,
    logrank_test,
    median_survival,
    restricted_mean,
)
from registry_pipeline.core.units import DAYS_PER_MONTH
from tests.reference.gold import COMPETING, SHARED_REFERENCE, SURVIVAL, assert_agree, gold, inputs
from tests.support.shared import needs_shared

BAR = 1e-10
LOGRANK = {
    "two_group": {"by": "g2"},
    "k_group": {"by": "gk"},
    "stratified": {"by": "gk", "strata": "strat"},
    "peto_2g": {"by": "g2", "weighting": "peto"},
}


@needs_shared
def test_every_data_set_of_the_reference_folder_is_compared():
    further = {path.stem for path in (SHARED_REFERENCE / "gold").glob("*.json")} - {"growth_nls_nlme"}
    assert further == {*SURVIVAL, *COMPETING, "channing_lt"}


@pytest.mark.parametrize("name", SURVIVAL)
def test_whole_curve(name):
    found, expected = kaplan_meier(inputs(name), "time", "event"), gold(name)["km_full"]
    assert len(found) == len(expected)
    names = {"duration_days": "t", "n_at_risk": "n_risk", "n_event": "n_event", "n_censored": "n_censor"}
    for row, want in zip(found.to_dict("records"), expected, strict=True):
        for ours, theirs in {**names, "survival": "surv"}.items():
            assert_agree(row[ours], want[theirs], BAR, f"{ours} at {want['t']}")


@pytest.mark.parametrize("name", SURVIVAL)
@pytest.mark.parametrize("transform", ["plain", "log", "log-log"])
def test_landmarks_and_median(name, transform):
    expected = next(km for km in gold(name)["km"] if km["conf_type"] == transform)
    frame = inputs(name)
    at = [mark["t"] for mark in expected["landmarks"]]
    found = landmark_survival(frame, "time", "event", at, ci_transform=transform)
    _compare_landmarks(found, expected["landmarks"])
    median = median_survival(frame, "time", "event", ci_transform=transform).iloc[0]
    _compare_median(median, expected)


@pytest.mark.parametrize("name", SURVIVAL)
def test_groups(name):
    frame = inputs(name)
    medians = median_survival(frame, "time", "event", by="g2").set_index("stratum")
    for label, expected in gold(name)["km_by_g2"].items():
        at = [mark["t"] for mark in expected["landmarks"]]
        found = landmark_survival(frame, "time", "event", at, by="g2")
        _compare_landmarks(found[found["stratum"] == label], expected["landmarks"])
        _compare_median(medians.loc[label], expected)


def _compare_landmarks(found, expected):
    assert len(found) == len(expected)
    names = {"n_at_risk": "n_risk", "survival": "surv", "ci_lower": "lower", "ci_upper": "upper"}
    for row, want in zip(found.to_dict("records"), expected, strict=True):
        for ours, theirs in names.items():
            assert_agree(row[ours], want[theirs], BAR, f"{ours} at {want['t']}")


def _compare_median(row, expected):
    names = {
        "median_duration": "median",
        "median_duration_lower": "median_lower",
        "median_duration_upper": "median_upper",
    }
    for ours, theirs in names.items():
        assert_agree(row[ours], expected[theirs], BAR, ours)
        months = (
            ours.replace("median_duration", "median_ci") if ours != "median_duration" else "median_months"
        )
        want = None if expected[theirs] is None else expected[theirs] / DAYS_PER_MONTH
        assert_agree(row[months], want, BAR, months)


@pytest.mark.parametrize("name", SURVIVAL)
def test_reverse_kaplan_meier(name):
    row, expected = follow_up(inputs(name), "time", "event").iloc[0], gold(name)["reverse_km"]
    assert_agree(row["median_duration"], expected["median"], BAR, "median")
    for ours, theirs in (("ci_lower", "median_lower"), ("ci_upper", "median_upper")):
        want = None if expected[theirs] is None else expected[theirs] / DAYS_PER_MONTH
        assert_agree(row[ours], want, BAR, ours)


@pytest.mark.parametrize("name", SURVIVAL)
def test_restricted_mean_and_its_standard_error(name):
    frame, expected = inputs(name), gold(name)["rmst"]
    row = restricted_mean(frame, "time", "event", expected["tau"]).iloc[0]
    assert_agree(row["estimate"], expected["overall"], BAR, "estimate")
    assert_agree(row["standard_error"], expected["overall_se"], BAR, "standard error")
    found = restricted_mean(frame, "time", "event", expected["tau"], by="g2")
    for row, want in zip(found.to_dict("records"), expected["by_g2"], strict=True):
        assert_agree(row["estimate"], want["rmst"], BAR, "estimate")
        assert_agree(row["standard_error"], want["se"], BAR, "standard error")


@pytest.mark.parametrize("name", SURVIVAL)
@pytest.mark.parametrize("kind", LOGRANK)
def test_logrank(name, kind):
    frame, expected = inputs(name), gold(name)["logrank"][kind]
    row = logrank_test(frame, "time", "event", **LOGRANK[kind]).iloc[0]
    assert_agree(row["chi_square"], expected["chisq"], BAR, "chi-square")
    assert_agree(row["asymptotic_p_value"], expected["p"], BAR, "p")
    assert row["degrees_of_freedom"] == expected["df"]
    groups = logrank_groups(frame, "time", "event", **LOGRANK[kind])
    for found, theirs in (("observed", "obs"), ("expected", "exp")):
        for value, want in zip(groups[found], expected[theirs], strict=True):
            assert_agree(value, want, BAR, found)


def test_left_truncation():
    frame, expected = inputs("channing_lt"), gold("channing_lt")["km"]
    at = [mark["t"] for mark in expected]
    found = landmark_survival(frame, "time", "event", at, entry="entry")
    for row, want in zip(found.to_dict("records"), expected, strict=True):
        for ours, theirs in {"survival": "surv", "ci_lower": "lower", "ci_upper": "upper"}.items():
            assert_agree(row[ours], want[theirs], BAR, f"{ours} at {want['t']}")
        # R reports the number at risk at the next observed time, who may have entered after the landmark.
        at_risk = ((frame["entry"] < want["t"]) & (frame["time"] >= want["t"])).sum()
        assert row["n_at_risk"] == at_risk
        if want["t"] in set(frame["time"]):
            assert row["n_at_risk"] == want["n_risk"]
