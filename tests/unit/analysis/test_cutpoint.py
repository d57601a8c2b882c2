"""Searched cutpoints: what the search finds in signal and in noise."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from registry_pipeline.analysis import cutpoint_stability, logrank_test, select_cutpoint
from tests.unit.analysis.brute import BAD_FRAMES, bad_frame

pytestmark = pytest.mark.filterwarnings("error")


def simulate(seed, n=56, step=0.0):
    """Fifty-six patients, 31 deaths or so; hazard jumps by `step` above 15 mm."""
    rng = np.random.default_rng(seed)
    size = np.round(rng.uniform(5, 40, n))
    time, end = rng.exponential(900 * np.exp(-step * (size > 15))), rng.uniform(300, 2000, n)
    return pd.DataFrame(
        {"time": np.ceil(np.minimum(time, end)), "event": (time <= end).astype(int), "size": size}
    )


def test_a_true_step_is_found_and_comes_back():
    frame = simulate(0, n=400, step=2.0)
    row = select_cutpoint(frame, "time", "event", "size").iloc[0]
    assert row["cutpoint"] == 15 and row["p_value_lausen_92"] < 1e-6
    assert row["n_at_or_below"] == (frame["size"] <= 15).sum()
    stable = cutpoint_stability(frame, "time", "event", "size", n_bootstrap=100)
    assert stable["cutpoint"].iloc[0] == 15 and stable["share"].iloc[0] > 0.5
    assert stable["n_selected"].sum() + stable.attrs["n_without"] == 100


def test_naive_p_is_that_of_the_log_rank_test_at_the_cutpoint():
    frame = simulate(5)
    row = select_cutpoint(frame, "time", "event", "size").iloc[0]
    split = frame.assign(small=frame["size"] <= row["cutpoint"])
    assert row["naive_p_value"] == pytest.approx(
        logrank_test(split, "time", "event", "small")["p_value"].item()
    )


def test_searching_noise_costs_what_the_correction_gives_back():
    found = pd.concat([select_cutpoint(simulate(seed), "time", "event", "size") for seed in range(400)])
    naive = (found["naive_p_value"] < 0.05).mean()
    corrected = (found[["p_value_lausen_92", "p_value_lausen_94"]].min(axis=1) < 0.05).mean()
    assert 0.25 <= naive <= 0.45  # a third of searches find a "significant" cutpoint where there is none
    assert corrected <= 0.075


def test_sides_hold_the_least_share():
    frame = simulate(1)
    row = select_cutpoint(frame, "time", "event", "size", min_share=0.3).iloc[0]
    assert 0.28 <= row["n_at_or_below"] / row["n"] <= 0.72
    with pytest.raises(ValueError, match="min_share"):
        select_cutpoint(frame, "time", "event", "size", min_share=0.6)


def test_missing_sizes_are_counted():
    frame = simulate(1)
    frame.loc[:3, "size"] = math.nan
    row = select_cutpoint(frame, "time", "event", "size").iloc[0]
    assert (row["n"], row["n_missing"]) == (52, 4)


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_bad_data_give_a_status_and_a_sentence(name, capfd):
    row = select_cutpoint(bad_frame(name), "time", "event", "x").iloc[0]
    assert row["status"] == "ok" or (math.isnan(row["cutpoint"]) and row["note"].endswith("."))
    cutpoint_stability(bad_frame(name), "time", "event", "x", n_bootstrap=10)
    assert capfd.readouterr() == ("", "")


def test_without_events_the_stability_has_a_row_that_says_why():
    frame = pd.DataFrame({"time": range(1, 31), "event": 0, "x": range(30)})
    row = cutpoint_stability(frame, "time", "event", "x", n_bootstrap=5).iloc[0]
    assert row["status"] == "not_estimable" and np.isnan(row["cutpoint"]) and np.isnan(row["share"])
    assert "There are no events." in row["note"]
