"""Which fits may be shown, who moves them, what searching costs, and bounds over other readings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from registry_pipeline.analysis import (
    events_label,
    fit_cause_specific,
    fit_cox,
    fit_cox_reported,
    fit_fine_gray,
    fit_growth,
    growth_influence,
    growth_sensitivity,
    influence_by_patient,
    logrank_groups,
    logrank_test,
    search_cost,
    select_cutpoint,
)
from registry_pipeline.study.headlines import headline_bounds
from tests.unit.analysis.brute import random_frame

pytestmark = pytest.mark.filterwarnings("error")


def test_labels_of_events_per_variable():
    assert [events_label(value)[:8] for value in (12, 10, 9.9, 5, 4.9)] == [
        "",
        "",
        "few even",
        "few even",
        "too few ",
    ]


def test_below_five_events_per_variable_only_the_penalised_fit():
    frame = random_frame(1, n=20, p=4)
    assert frame["event"].sum() < 20
    fits = fit_cox_reported(frame, "time", "event", ["x0", "x1", "x2", "x3"])
    assert [fit.method for fit in fits] == ["firth"]
    assert [fit.method for fit in fit_cox_reported(random_frame(1, n=120), "time", "event", ["x0"])] == [
        "efron"
    ]


def test_a_group_without_events_gets_both():
    frame = random_frame(2, n=80).assign(g=lambda f: np.where(f["event"] == 1, 0, np.arange(80) % 2))
    plain, firth = fit_cox_reported(frame, "time", "event", ["g"])
    assert plain.status == "not_estimable" and firth.status == "ok"


def test_cause_specific_censors_the_other_causes():
    frame = random_frame(3, n=100).assign(code=lambda f: f["event"] * (1 + np.arange(100) % 2))
    by_hand = frame.assign(event=(frame["code"] == 2).astype(int))
    one, two = (
        fit_cause_specific(frame, "time", "code", ["x0"], cause=2),
        fit_cox(by_hand, "time", "event", ["x0"]),
    )
    pd.testing.assert_frame_equal(one.terms, two.terms)


def test_influence_per_patient_is_near_the_refit_without():
    frame = random_frame(4, n=120).assign(patient=lambda f: [f"P{i // 3:02d}" for i in range(len(f))])
    found = influence_by_patient(fit_cox(frame, "time", "event", ["x0", "x1"]), frame["patient"])
    assert len(found) == 2 * 40 and found["dfbetas"].abs().is_monotonic_decreasing
    for row in found.head(4).to_dict("records"):
        refit = fit_cox(frame[frame["patient"] != row["patient"]], "time", "event", ["x0", "x1"]).terms
        moved = row["coefficient"] - refit.set_index("term").loc[row["term"], "coefficient"]
        assert row["dfbeta"] == pytest.approx(moved, rel=0.4)  # to first order


def test_the_most_influential_patients_are_the_first_of_each_term():
    frame = random_frame(4, n=120).assign(patient=lambda f: [f"P{i // 3:02d}" for i in range(len(f))])
    fit = fit_cox(frame, "time", "event", ["x0", "x1"])
    everybody = influence_by_patient(fit, frame["patient"])
    few = influence_by_patient(fit, frame["patient"], most=3)
    pd.testing.assert_frame_equal(few, everybody.groupby("term").head(3).reset_index(drop=True))


def test_search_cost_reports_what_the_search_found():
    rng = np.random.default_rng(5)
    frame = random_frame(5, n=56).assign(size=np.round(rng.uniform(5, 40, 56)))
    row = search_cost(frame, "time", "event", "size", n_permutations=400).iloc[0]
    found = select_cutpoint(frame, "time", "event", "size").iloc[0]
    assert row["cutpoint"] == found["cutpoint"] and row["statistic"] == found["statistic"]
    assert 0.2 < row["naive_false_positive_share"] < 0.5
    assert row["permutation_p_value"] > row["naive_p_value"]


def lesions(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(6)
    gap = rng.uniform(1, 12, n)
    size = 15 * np.exp(0.12 * (gap - 6) + 0.2 * rng.normal(size=n))
    return pd.DataFrame(
        {"p": [f"P{i // 2}" for i in range(n)], "gap": gap, "size": size, "node": np.arange(n) % 4 == 0}
    )


def test_sensitivity_starts_with_what_is_reported_and_names_every_change():
    table = growth_sensitivity(lesions(), "gap", "size", "p", node="node", error_model="log")
    reported = fit_growth(lesions(), "gap", "size", "exponential", "log", "p", n_bootstrap=0).threshold.iloc[
        0
    ]
    assert table["months"].iloc[0] == reported["months"] and table["variant"].iloc[0] == "as reported"
    assert set(table["variant"]) == {"as reported", "form", "lesions", "threshold", "onset"}
    assert (table["variant"] == "form").sum() == 11 and table["estimand"].nunique() == 2
    assert table.set_index("reading").loc["without lymph nodes", "n_lesions"] == 45


def test_influence_of_a_patient_is_the_refit_without():
    frame = lesions()
    row = growth_influence(frame, "gap", "size", "p", error_model="log").iloc[0]
    refit = fit_growth(
        frame[frame["p"] != row["patient"]], "gap", "size", "exponential", "log", n_bootstrap=0
    )
    assert row["months_without"] == pytest.approx(refit.threshold["months"].iloc[0], rel=1e-6)
    assert row["rank"] == 1 and row["n_lesions"] == 2


def test_no_other_reading_gives_bounds_without_width():
    row = {"item": 8, "part": "a", "description": "d", "unit": "share", "computed_value": 0.4, "agrees": True}
    bounds = headline_bounds(pd.DataFrame([row]), {}).iloc[0]
    assert bounds["lowest"] == bounds["highest"] == 0.4


@pytest.mark.parametrize("names", [["x"], ["x", "z"]])
@pytest.mark.parametrize("how", ["efron", "firth", "fine-gray"])
def test_a_covariate_in_absurd_units_has_no_hazard_ratio(names, how):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"t": rng.integers(1, 1000, 60), "e": rng.integers(0, 2, 60)})
    frame = frame.assign(x=rng.normal(size=60) * 1e-14, z=rng.normal(size=60))
    if how == "fine-gray":
        fit = fit_fine_gray(frame, "t", "e", names)
    else:
        fit = fit_cox(frame, "t", "e", names, penalty="firth" if how == "firth" else None)
    terms = fit.terms.set_index("term")
    assert terms.loc["x", "status"] == "ok" and "beyond any number" in terms.loc["x", "note"]
    assert terms.loc["x", ["hazard_ratio", "ci_lower", "ci_upper"]].isna().all()
    assert np.isfinite(terms.loc["x", ["coefficient", "standard_error", "p_value"]].astype(float)).all()
    if names != ["x"]:
        assert np.isfinite(terms.loc["z", "hazard_ratio"]) and terms.loc["z", "note"] == ""


def test_each_term_counts_the_patients_and_events_of_its_level():
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"t": rng.integers(1, 900, 62), "e": np.r_[np.arange(60) % 2, 1, 0]})
    frame["how"] = ["rt"] * 40 + ["surgery"] * 20 + ["ablation"] * 2
    frame["is_small"], frame["age"] = np.arange(62) % 3 == 0, rng.normal(60, 9, 62)
    fit = fit_cox(frame, "t", "e", ["how", "is_small", "age"], cross_check=False)
    terms = fit.terms.set_index("term")
    assert terms.loc["how[ablation]", ["n_level", "n_event_level"]].tolist() == [2, 1]
    assert "1 of 2 patients against 20 of 40 patients" in terms.loc["how[ablation]", "note"]
    assert terms.loc["how[surgery]", ["n_level", "n_event_level"]].tolist() == [20, 10]
    assert terms.loc["is_small", "n_level"] == frame["is_small"].sum()
    assert terms.loc["is_small", "n_event_level"] == frame.loc[frame["is_small"], "e"].sum()
    assert terms.loc["age", ["n_level", "n_event_level"]].isna().all()
    assert (terms.loc[["how[surgery]", "is_small", "age"], "note"] == "").all()
    pooled = fit_cox(frame.assign(age=60), "t", "e", ["how", "is_small"], cross_check=False, pool=True)
    assert pooled.terms["n_level"].tolist() == [2, 20, frame["is_small"].sum()]


def test_a_few_expected_events_are_said_by_the_logrank_test():
    frame = pd.DataFrame({"t": range(1, 63), "e": np.r_[np.arange(60) % 2, 1, 0]})
    frame["how"] = ["rt"] * 60 + ["ablation"] * 2
    expected = logrank_groups(frame, "t", "e", "how").set_index("stratum")["expected"]["ablation"]
    for weighting in (None, "peto"):
        note = logrank_test(frame, "t", "e", "how", weighting=weighting)["note"].item()
        assert f"Only {expected:.1f} events are expected in ablation" in note
    even = frame.assign(how=np.arange(62) % 2)
    assert logrank_test(even, "t", "e", "how")["note"].item() == ""
