"""Counts of missing values, Rubin's rules, and a Cox model over imputed covariates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from registry_pipeline.analysis import fit_cox, fit_cox_imputed, missing_counts, missing_patterns, pool_rubin

pytestmark = pytest.mark.filterwarnings("error")


def cohort(n: int = 120, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, g = rng.normal(size=n), np.where(rng.random(n) < 0.5, "a", "b")
    time, end = rng.exponential(900 * np.exp(-0.7 * x)), rng.uniform(300, 2700, n)
    return pd.DataFrame(
        {"days": np.ceil(np.minimum(time, end)), "event": (time <= end).astype(int), "x": x, "g": g}
    )


def test_counts_and_patterns_add_up():
    frame = pd.DataFrame({"a": [1, np.nan, np.nan, 4], "b": ["x", None, "y", "z"], "c": [1, 2, 3, 4]})
    counts = missing_counts(frame, ["a", "b", "c"]).set_index("variable")
    assert counts["n_missing"].to_dict() == {"a": 2, "b": 1, "c": 0}
    assert counts.loc["a", "share_missing"] == 0.5
    patterns = missing_patterns(frame, ["a", "b", "c"])
    assert patterns["missing_variables"].tolist() == ["", "a", "a, b"]
    assert patterns["n"].tolist() == [2, 1, 1]
    assert patterns["is_complete"].tolist() == [True, False, False]


def test_rubins_rules_by_hand():
    estimates, variances = np.array([[1.0], [2.0], [3.0]]), np.array([[0.5], [0.5], [0.8]])
    pooled = pool_rubin(estimates, variances)
    total = 0.6 + (1 + 1 / 3) * 1.0
    assert pooled.estimate[0] == pytest.approx(2.0)
    assert pooled.standard_error[0] ** 2 == pytest.approx(total)
    assert pooled.degrees_of_freedom[0] == pytest.approx(2 / (1.3333333333 / total) ** 2)
    assert pool_rubin(estimates, variances, 20.0).degrees_of_freedom[0] < pooled.degrees_of_freedom[0]


def test_complete_data_give_the_complete_fit():
    frame = cohort()
    imputed, plain = (
        fit_cox_imputed(frame, "days", "event", ["x", "g"]),
        fit_cox(frame, "days", "event", ["x", "g"]),
    )
    for name in ("coefficient", "standard_error"):
        np.testing.assert_allclose(imputed.terms[name], plain.terms[name], rtol=1e-12)
    assert (imputed.terms["fraction_missing_information"] == 0).all()
    assert imputed.summary["n_missing"].iloc[0] == 0


def test_holes_are_filled_the_same_way_twice_and_widen_the_limits():
    frame = cohort()
    frame.loc[::3, "x"] = np.nan
    frame.loc[1::10, "g"] = None
    one, two = (
        fit_cox_imputed(frame, "days", "event", ["x", "g"], n_imputations=4, n_cycles=2, seed=5) for _ in "12"
    )
    pd.testing.assert_frame_equal(one.terms, two.terms)
    assert one.status == "ok" and one.summary["n"].iloc[0] == 120 and one.summary["n_missing"].iloc[0] > 40
    assert (one.terms["fraction_missing_information"] > 0).all()
    assert (
        one.terms["standard_error"].iloc[0]
        > fit_cox(cohort(), "days", "event", ["x", "g"]).terms["standard_error"].iloc[0]
    )


def test_unordered_levels_with_holes_are_refused_and_ordered_ones_are_not():
    frame = cohort()
    frame["site"] = np.array(["scf", "lung", "other"])[np.arange(120) % 3]
    frame.loc[::7, "site"] = None
    refused = fit_cox_imputed(frame, "days", "event", ["x", "site"], n_imputations=2)
    assert refused.status == "not_estimable" and "unordered" in refused.note
    assert refused.terms["coefficient"].isna().all()
    frame["site"] = pd.Categorical(frame["site"], ["lung", "scf", "other"], ordered=True)
    assert fit_cox_imputed(frame, "days", "event", ["x", "site"], n_imputations=2, n_cycles=1).status == "ok"


def test_nothing_known_says_so():
    frame = cohort().assign(x=np.nan)
    fit = fit_cox_imputed(frame, "days", "event", ["x", "g"])
    assert fit.status == "not_estimable" and "No value of x" in fit.note


@pytest.mark.parametrize("shape", [(0, 2), (1, 2), (0,), (3,)])
def test_fewer_than_two_data_sets_cannot_be_pooled(shape):
    with pytest.raises(ValueError, match=r"at least two imputed data sets|matrix of numbers"):
        pool_rubin(np.ones(shape), np.ones(shape))
