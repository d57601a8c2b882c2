"""Which p value leads where a level has hardly an event: the likelihood ratio, or none, never Wald's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from registry_pipeline import analysis

pytestmark = pytest.mark.filterwarnings("error")


def cohort(*sizes: int, seed: int = 3) -> pd.DataFrame:
    """Groups of these sizes without a difference; the other cause and clusters of two rows beside."""
    rng, n = np.random.default_rng(seed), sum(sizes)
    time, end = rng.exponential(600, n), rng.uniform(300, 2700, n)
    group = pd.Categorical(np.repeat([f"g{i}" for i in range(len(sizes))], sizes))
    frame = pd.DataFrame(
        {"t": np.ceil(np.minimum(time, end)), "e": (time <= end).astype(int), "group": group}
    )
    return frame.assign(code=frame["e"] * rng.integers(1, 3, n), patient=np.arange(n) // 2, weight=1.5)


def test_a_level_of_few_events_is_tested_by_likelihood_ratio():
    frame = cohort(53, 3)
    fit = analysis.fit_cox(frame, "t", "e", ["group"])
    term, factor = fit.terms.iloc[0], analysis.factor_tests(fit).iloc[0]
    assert term["p_value_method"] == "likelihood ratio" and "by likelihood ratio" in term["note"]
    assert term["p_value"] == pytest.approx(fit.summary["likelihood_ratio_p_value"].iloc[0], rel=1e-9)
    assert term["p_value"] == pytest.approx(factor["likelihood_ratio_p_value"], rel=1e-9)
    assert np.isnan(factor["wald_p_value"]) and "No Wald p value" in factor["note"]
    firth = analysis.fit_cox(frame, "t", "e", ["group"], penalty="firth")
    assert firth.terms["p_value"].iloc[0] == pytest.approx(term["p_value"], rel=1e-6)


def test_a_level_without_events_has_the_likelihood_at_infinity():
    """The ratio of a coefficient that runs away is the limit of those held at ever larger values."""
    frame = cohort(50, 6)
    frame["t"] = frame["t"].rank(method="first")
    frame.loc[frame["group"] == "g1", "e"] = 0
    firth = analysis.fit_cox_reported(frame, "t", "e", ["group"])[-1]
    term = firth.terms.iloc[0]
    assert firth.method == "firth" and term["p_value_method"] == "likelihood ratio"
    rest = frame["group"] == "g0"
    times = np.unique(frame.loc[frame["e"] == 1, "t"])
    with_all = sum(np.log((frame["t"] >= t).sum()) for t in times)
    without = sum(np.log(((frame["t"] >= t) & rest).sum()) for t in times)
    assert term["p_value"] == pytest.approx(chi2.sf(2 * (with_all - without), 1), rel=1e-5)


@pytest.mark.parametrize("fit", [
    lambda f: analysis.fit_cox_reported(f, "t", "e", ["group"])[0],
    lambda f: analysis.fit_cox(f, "t", "e", ["group"], cluster="patient"),
    lambda f: analysis.fit_cox(f, "t", "e", ["group"], weights="weight"),
    lambda f: analysis.fit_fine_gray(f, "t", "code", ["group"]),
    lambda f: analysis.fit_cause_specific(f, "t", "code", ["group"]),
])  # fmt: skip
def test_a_level_of_two_patients_has_no_test_of_its_own(fit):
    for seed in range(3, 40):
        terms = fit(cohort(40, 14, 2, seed=seed)).terms
        if (terms["status"] == "ok").all():
            break
    small = terms.iloc[-1]
    assert small["n_event_level"] < 5 and np.isfinite(small["hazard_ratio"])
    assert (
        np.isnan(small["p_value"])
        and small["p_value_method"] == ""
        and "No p value of its own" in small["note"]
    )


def test_levels_of_enough_events_keep_walds():
    fit = analysis.fit_cox(cohort(100, 60), "t", "e", ["group"])
    assert (
        fit.terms["p_value_method"].tolist() == ["Wald"]
        and analysis.factor_tests(fit)["wald_p_value"].notna().all()
    )
