"""Cumulative incidence, Gray's test and Fine-Gray on small tables, bad data and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest

from registry_pipeline.analysis import (
    cause_specific,
    cumulative_incidence,
    fit_cox,
    fit_fine_gray,
    gray_test,
    kaplan_meier,
    landmark_incidence,
)
from tests.unit.analysis.brute import BAD_FRAMES, bad_frame

pytestmark = pytest.mark.filterwarnings("error")


def simulate(seed, n=200, effect=0.0):
    """Two causes; the covariate x and the group act on the first (Fine & Gray's own simulation, p = 0.5)."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, n)
    risk, share = np.exp(effect * x), 0.5
    ever = 1 - (1 - share) ** risk
    is_first = rng.random(n) < ever
    u = rng.random(n) * ever
    first = -np.log(1 - (1 - (1 - u) ** (1 / risk)) / share)
    time = np.where(is_first, first, rng.exponential(1, n)) * 365
    end = rng.uniform(50, 1500, n)
    event = np.where(time <= end, np.where(is_first, 1, 2), 0)
    return pd.DataFrame({"time": np.ceil(np.minimum(time, end)), "event": event, "x": x})


def test_by_hand():
    frame = pd.DataFrame({"time": [1, 2, 2, 3, 4], "event": [1, 2, 0, 1, 0]})
    curve = cumulative_incidence(frame, "time", "event").set_index(["cause", "duration_days"])["incidence"]
    np.testing.assert_allclose(curve[1], [1 / 5, 1 / 5, 1 / 5 + 3 / 5 / 2, 1 / 5 + 3 / 5 / 2])
    np.testing.assert_allclose(curve[2], [0, 1 / 5, 1 / 5, 1 / 5])


@pytest.mark.parametrize("seed", range(5))
def test_causes_and_survival_add_up_to_one(seed):
    frame = simulate(seed)
    curves = cumulative_incidence(frame, "time", "event").pivot(
        index="duration_days", columns="cause", values="incidence"
    )
    alive = kaplan_meier(frame.assign(event=frame["event"] > 0), "time", "event").set_index("duration_days")
    np.testing.assert_allclose(curves.sum(axis=1) + alive["survival"], 1.0, atol=1e-12)


def test_with_one_cause_it_is_kaplan_meier():
    frame = simulate(1).assign(event=lambda f: f["event"].clip(upper=1))
    curve = cumulative_incidence(frame, "time", "event")
    np.testing.assert_allclose(
        1 - curve["incidence"], kaplan_meier(frame, "time", "event")["survival"], atol=1e-12
    )


def test_polars_gives_the_same():
    frame = simulate(2)
    pd.testing.assert_frame_equal(
        cumulative_incidence(frame, "time", "event", by="x"),
        cumulative_incidence(pl.from_pandas(frame), "time", "event", by="x"),
    )


def test_landmark_beyond_follow_up():
    row = landmark_incidence(simulate(0), "time", "event", 10_000).iloc[0]
    assert row["is_beyond_follow_up"] and math.isnan(row["incidence"])


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_bad_data_give_a_status_and_a_sentence(name, capfd):
    frame = bad_frame(name)
    cumulative_incidence(frame, "time", "event", by="group")
    row = gray_test(frame, "time", "event", "group").iloc[0]
    assert row["status"] == "ok" or (math.isnan(row["p_value"]) and row["note"].endswith("."))
    fit = fit_fine_gray(frame, "time", "event", ["x", "group"])
    assert fit.status == "ok" or (fit.terms["coefficient"].isna().all() and fit.note.endswith("."))
    assert capfd.readouterr() == ("", "")


def test_without_competing_events_fine_gray_is_cox():
    frame = simulate(3, effect=0.7).assign(event=lambda f: (f["event"] == 1).astype(int))
    weighted = fit_fine_gray(frame, "time", "event", ["x"]).terms.iloc[0]
    cox = fit_cox(frame, "time", "event", ["x"], ties="breslow").terms.iloc[0]
    assert weighted["coefficient"] == pytest.approx(cox["coefficient"], rel=1e-9)


def test_fine_gray_covers_the_truth_and_gray_agrees_with_it():
    hits, same = 0, 0
    for seed in range(200):
        frame = simulate(seed, effect=0.6)
        row = fit_fine_gray(frame, "time", "event", ["x"]).terms.iloc[0]
        hits += row["ci_lower"] <= math.exp(0.6) <= row["ci_upper"]
        same += (gray_test(frame, "time", "event", "x")["p_value"].item() < 0.05) == (row["p_value"] < 0.05)
    assert 0.9 <= hits / 200 <= 0.99
    assert same / 200 > 0.95


def test_gray_keeps_its_level():
    rejected = sum(
        gray_test(simulate(s, 100), "time", "event", "x")["p_value"].item() < 0.05 for s in range(300)
    )
    assert 0.01 <= rejected / 300 <= 0.09


def test_interval_of_the_incidence_has_its_coverage():
    truth, hits = 0.5 * (1 - math.exp(-1)), 0
    for seed in range(300):
        row = landmark_incidence(simulate(seed, 100), "time", "event", 365).query("cause == 1").iloc[0]
        hits += row["ci_lower"] <= truth <= row["ci_upper"]
    assert 0.91 <= hits / 300 <= 0.985


def test_censoring_other_causes_is_not_a_risk():
    frame = simulate(0, 400)
    naive = 1 - kaplan_meier(cause_specific(frame, "event"), "time", "event")["survival"].iloc[-1]
    assert naive > cumulative_incidence(frame, "time", "event").query("cause == 1")["incidence"].max() + 0.1
