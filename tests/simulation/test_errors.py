"""How often tests err when there is nothing to find, and what the likelihoods of growth recover."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from registry_pipeline import analysis
from registry_pipeline.analysis.cutpoint import p_lausen_92, p_lausen_94, search
from registry_pipeline.analysis.gate import Times
from tests.simulation.growth_designs import ONSET_TRUTH, onset_lesions

pytestmark = pytest.mark.filterwarnings("error")
Z = 1.959963984540054


def _nothing_to_find(replicates: int, n: int = 56) -> list[tuple[float, float, float]]:
    """Largest statistic and both corrected p values where size has nothing to do with survival."""
    out = []
    for i in range(replicates):
        rng = np.random.default_rng([11, i])
        time, end = rng.exponential(900, n), rng.uniform(300, 2000, n)
        times = Times(np.ceil(np.minimum(time, end)), (time <= end).astype(np.int64))
        found = search(times, np.round(rng.uniform(5, 40, n)), 0.1)
        largest = float(found.statistic[found.best])
        out.append((largest, p_lausen_92(largest, 0.1), p_lausen_94(largest, n, found.n_below)))
    return out


def test_the_corrected_p_of_a_searched_cutpoint_errs_as_often_as_it_says():
    """Both corrections are upper bounds of a p value: the smaller of the two comes near 5 %."""
    found = np.array(_nothing_to_find(3000))
    naive, first, second = (found[:, 0] > Z).mean(), (found[:, 1] < 0.05).mean(), (found[:, 2] < 0.05).mean()
    assert 0.25 <= naive <= 0.45
    assert first <= 0.07 and second <= 0.07
    assert 0.03 <= max(first, second) <= 0.07


def test_the_permutation_p_errs_as_often_as_it_says():
    p_values, naive = [], []
    for i in range(200):
        rng = np.random.default_rng([12, i])
        time, end = rng.exponential(900, 56), rng.uniform(300, 2000, 56)
        frame = pd.DataFrame({"days": np.ceil(np.minimum(time, end)), "event": (time <= end).astype(int)})
        frame["size"] = np.round(rng.uniform(5, 40, 56))
        row = analysis.search_cost(frame, "days", "event", "size", n_permutations=99, seed=i).iloc[0]
        p_values.append(row["permutation_p_value"])
        naive.append(row["naive_false_positive_share"])
    assert 0.02 <= np.mean(np.array(p_values) <= 0.05) <= 0.09  # 5 % with a Monte-Carlo error of 1.5
    assert 0.25 <= np.mean(naive) <= 0.45


@pytest.mark.parametrize("test", ["logrank", "gray"])
def test_comparisons_of_equal_groups_err_in_one_of_twenty(test):
    p_values = []
    for i in range(400):
        rng = np.random.default_rng([13, i])
        one, two, end = rng.exponential(1500, 80), rng.exponential(2000, 80), rng.uniform(300, 2700, 80)
        time = np.minimum(one, two)
        frame = pd.DataFrame({"days": np.ceil(np.minimum(time, end)), "group": rng.integers(0, 2, 80)})
        frame["event"] = np.where(time <= end, np.where(one < two, 1, 2), 0)
        if test == "gray":
            p_values.append(analysis.gray_test(frame, "days", "event", "group")["p_value"].iloc[0])
        else:
            frame["event"] = (frame["event"] == 1).astype(int)
            p_values.append(analysis.logrank_test(frame, "days", "event", "group")["p_value"].iloc[0])
    assert 0.02 <= np.mean(np.array(p_values) < 0.05) <= 0.08


@pytest.mark.parametrize("seed", [1, 2])
def test_interval_censored_onset_is_right_where_the_plain_regression_is_half_off(seed):
    frame = onset_lesions(np.random.default_rng(seed), 3000)
    onset = analysis.fit_interval_onset(frame, "x", "y").threshold["months"].iloc[0]
    plain = analysis.fit_growth(frame, "x", "y", "exponential", "log").threshold["months"].iloc[0]
    assert onset == pytest.approx(ONSET_TRUTH, rel=0.05)
    assert plain > 1.45 * ONSET_TRUTH
