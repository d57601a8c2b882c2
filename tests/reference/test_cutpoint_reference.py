"""Searched cutpoints against R maxstat."""

from __future__ import annotations

import pytest

from registry_pipeline.analysis import select_cutpoint
from tests.reference.gold import SURVIVAL, assert_agree, gold, inputs


@pytest.mark.parametrize("name", SURVIVAL)
def test_cutpoint_and_corrected_p_values(name):
    expected, row = gold(name)["maxstat"], select_cutpoint(inputs(name), "time", "event", "cutx").iloc[0]
    assert row["cutpoint"] == expected["cutpoint"]
    assert_agree(row["naive_chi_square"], expected["naive_logrank_chisq"], 1e-10, "naive chi-square")
    assert_agree(row["naive_p_value"], expected["naive_logrank_p"], 1e-10, "naive p")
    assert_agree(row["p_value_lausen_92"], expected["p_Lau92"], 1e-8, "p of 1992")
    # R's formula of 1994 cancels to a negative number where p is far below the rounding error.
    assert row["p_value_lausen_94"] == pytest.approx(max(expected["p_Lau94"], 0.0), rel=1e-9, abs=1e-15)
    # Where R also computed the exact distribution its M is of scores rounded to integers.
    exact = expected["p_HL"] != {}
    assert row["statistic"] == pytest.approx(expected["M"], rel=1e-2 if exact else 1e-10)
