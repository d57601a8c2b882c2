"""Proportions with limits, and the first table."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest

from registry_pipeline.analysis import describe_cohort, exact_proportion_ci, wilson_ci


@pytest.mark.parametrize(
    ("count", "n", "lower", "upper"),
    # R 4.2: binom.test(x, n)$conf.int
    [
        (0, 19, 0.0, 0.1764669),
        (19, 22, 0.6508779, 0.9709441),
        (5, 10, 0.1870860, 0.8129140),
        (3, 3, 0.2924018, 1.0),
    ],
)
def test_exact_limits(count, n, lower, upper):
    assert exact_proportion_ci(count, n) == pytest.approx((lower, upper), abs=1e-6)


def test_exact_limits_cover_at_least_as_promised():
    from scipy.stats import binom

    for share in (0.05, 0.3, 0.86):
        limits = [exact_proportion_ci(k, 22) for k in range(23)]
        covered = sum(binom.pmf(k, 22, share) for k, (low, high) in enumerate(limits) if low <= share <= high)
        assert covered >= 0.95


def test_wilson_limits():
    # Newcombe 1998, table I: 81 of 263 and 0 of 20.
    assert wilson_ci(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_ci(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_no_patients_and_impossible_counts():
    assert all(math.isnan(value) for value in (*exact_proportion_ci(0, 0), *wilson_ci(0, 0)))
    with pytest.raises(ValueError, match="0 <= count <= n"):
        exact_proportion_ci(3, 2)


FRAME = pd.DataFrame(
    {
        "age": [50.0, 60.0, 70.0, np.nan, 55.0, 65.0],
        "site": ["scf", "lung", "lung", None, "scf", "lung"],
        "is_small": [True, False, True, True, False, False],
        "arm": ["a", "a", "a", "b", "b", "b"],
    }
)


@pytest.mark.parametrize("make", [lambda f: f, pl.from_pandas])
def test_first_table(make):
    table = describe_cohort(make(FRAME), ["age", "site", "is_small"], by="arm")
    age = table.query("variable == 'age' and group == 'all'").iloc[0]
    assert (age["n"], age["n_missing"], age["median"]) == (5, 1, 60)
    assert age["standardised_difference"] == pytest.approx(0.0)
    lung = table.query("variable == 'site' and level == 'lung'").set_index("group")
    assert lung["count"].to_dict() == {"all": 3, "a": 2, "b": 1}
    assert lung.loc["b", "n"] == 2 and lung.loc["b", "n_missing"] == 1
    assert lung.loc["a", "share"] == pytest.approx(2 / 3)
    expected = (1 / 2 - 2 / 3) / math.sqrt((2 / 9 + 1 / 4) / 2)
    assert lung.loc["all", "standardised_difference"] == pytest.approx(expected)
    assert set(table.query("variable == 'is_small'")["level"]) == {"true", "false"}


def test_without_groups_and_without_rows():
    assert set(describe_cohort(FRAME, ["age"])["group"]) == {"all"}
    assert describe_cohort(FRAME.iloc[:0], ["age"])["n"].tolist() == [0]
