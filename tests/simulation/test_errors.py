"""How often tests err when there is nothing to find, and what the likelihoods of growth recover."""

from __future__ import annotations

import pytest

from tests.simulation.errors import gray, growth_readings, logrank, permuted_cutpoint, searched_cutpoint
from tests.simulation.growth_designs import ONSET_TRUTH

pytestmark = pytest.mark.filterwarnings("error")


def test_the_corrected_p_of_a_searched_cutpoint_errs_as_often_as_it_says():
    """The formula of 1994 uses the candidates there are and comes near 5 %; that of 1992 is an upper bound for
    any set of candidates, and errs less often.
    """
    found = searched_cutpoint(56, 2000, 11)
    assert 0.25 <= found["cutpoint, naive"] <= 0.45
    assert 0.03 <= found["cutpoint, Lausen-Sauerbrei-Schumacher 1994"] <= 0.07
    assert 0.01 <= found["cutpoint, Lausen-Schumacher 1992"] <= 0.05


def test_the_permutation_p_errs_as_often_as_it_says():
    found = permuted_cutpoint(56, 200, 12)
    assert 0.02 <= found["cutpoint, permutation"] <= 0.08  # 5 % with a Monte-Carlo error of 1.5
    assert 0.25 <= found["cutpoint, naive, as search_cost says"] <= 0.45


@pytest.mark.parametrize("test", [logrank, gray])
def test_comparisons_of_equal_groups_err_in_one_of_twenty(test):
    (share,) = test(80, 300, 13).values()
    assert 0.02 <= share <= 0.08


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_interval_censored_onset_is_right_where_the_plain_regression_is_half_off(seed):
    onset, plain = growth_readings(3000, seed)
    assert onset == pytest.approx(ONSET_TRUTH, rel=0.05)
    assert plain > 1.45 * ONSET_TRUTH
