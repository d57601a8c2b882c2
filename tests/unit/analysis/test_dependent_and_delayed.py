"""Clusters, landmarks and delayed entry: against definitions, and on data that would mislead without them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from registry_pipeline.analysis import (
    clustered_incidence,
    clustered_survival,
    fit_fine_gray,
    gray_test,
    immortal_time,
    kaplan_meier,
    landmark_analysis,
    landmark_incidence,
    landmark_survival,
    logrank_test,
)

pytestmark = pytest.mark.filterwarnings("error")
AT = [3, 8, 15]


def lesions(seed: int = 0, n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"t": np.ceil(rng.exponential(10, n)), "e": rng.integers(0, 3, n), "p": rng.integers(0, 12, n)}
    )
    return frame.assign(d=(frame["e"] > 0).astype(int))


def test_estimates_are_those_of_independent_rows():
    frame = lesions()
    one, two = clustered_survival(frame, "t", "d", "p", AT), landmark_survival(frame, "t", "d", AT)
    np.testing.assert_allclose(one["survival"], two["survival"], rtol=1e-13)
    one, two = clustered_incidence(frame, "t", "e", "p", AT), landmark_incidence(frame, "t", "e", AT)
    np.testing.assert_allclose(one["incidence"], two["incidence"], rtol=1e-13)


def weighted_survival(frame: pd.DataFrame, weight: np.ndarray, mark: float) -> float:
    value = 1.0
    for t in np.unique(frame.loc[(frame["d"] == 1) & (frame["t"] <= mark), "t"]):
        at_risk = weight[frame["t"] >= t].sum()
        value *= 1 - weight[(frame["t"] == t) & (frame["d"] == 1)].sum() / at_risk
    return value


def test_standard_error_is_the_derivative_by_each_patients_weight():
    frame, step = lesions(1), 1e-6
    for mark in AT:
        effect = []
        for patient in frame["p"].unique():
            up, down = np.ones(len(frame)), np.ones(len(frame))
            up[frame["p"] == patient] += step
            down[frame["p"] == patient] -= step
            effect.append(
                (weighted_survival(frame, up, mark) - weighted_survival(frame, down, mark)) / (2 * step)
            )
        found = clustered_survival(frame, "t", "d", "p", mark)["standard_error"].iloc[0]
        few = np.sqrt(len(effect) / (len(effect) - 1))
        assert found == pytest.approx(few * np.sqrt(np.sum(np.square(effect))), rel=1e-6)


@pytest.mark.parametrize(
    ("estimate", "name"), [(clustered_survival, "survival"), (clustered_incidence, "incidence")]
)
def test_limits_are_wider_where_clusters_are_few(estimate, name):
    """By the t quantile, on the log-log scale; the standard error has the jackknife's factor."""
    row = estimate(lesions(), "t", "d" if name == "survival" else "e", "p", 8).iloc[0]
    half = np.diff(np.log(-np.log([row["ci_upper"], row["ci_lower"]])))[0] / 2
    plain = row["standard_error"] / (row[name] * abs(np.log(row[name])))
    assert half / plain == pytest.approx(student.ppf(0.975, 11), rel=1e-9)


def test_one_patient_with_all_lesions_has_no_standard_error():
    row = clustered_survival(lesions().assign(p="P"), "t", "d", "p", 8).iloc[0]
    assert row["status"] == "not_estimable" and np.isnan(row["survival"]) and "one cluster" in row["note"]


def test_landmark_analysis_is_the_curve_of_those_left():
    frame = lesions(2, 200).assign(g=lambda f: f["p"] % 2)
    row = landmark_analysis(frame, "t", "d", 5, 6, "g").iloc[0]
    left = frame[(frame["t"] > 5) & (frame["g"] == 0)].assign(t=lambda f: f["t"] - 5)
    assert row["survival"] == pytest.approx(landmark_survival(left, "t", "d", 6)["survival"].iloc[0])
    assert row["n"] + row["n_left_with_event"] + row["n_left_censored"] == row["n_before"]
    both = frame[frame["t"] > 5].assign(t=lambda f: f["t"] - 5)
    assert row["logrank_p_value"] == pytest.approx(logrank_test(both, "t", "d", "g")["p_value"].iloc[0])


def test_landmark_beyond_follow_up_has_no_estimate():
    row = landmark_analysis(lesions(), "t", "d", 1000, 6).iloc[0]
    assert row["status"] == "not_estimable" and row["n"] == 0 and np.isnan(row["survival"])


def test_immortal_time_flatters_and_left_truncation_does_not():
    rng = np.random.default_rng(4)
    time = np.ceil(rng.exponential(600, 8000))
    entry = np.where(rng.random(8000) < 0.5, 0, np.floor(rng.uniform(0, 500, 8000)))
    seen = pd.DataFrame({"t": time, "e": 1, "entry": entry})[entry < time]
    found = immortal_time(seen, "t", "e", "entry", 600).set_index("reading")
    truth = np.exp(-600 / 600)
    assert found.loc["left truncated", "survival"] == pytest.approx(truth, abs=0.02)
    assert found.loc["counted as at risk", "survival"] > truth + 0.03
    assert found["immortal_days"].nunique() == 1


def test_a_risk_set_that_empties_early_gives_no_estimate():
    frame = pd.DataFrame({"t": [2, 9, 10, 11], "e": [1, 0, 1, 0], "entry": [0, 3, 3, 3]})
    row = immortal_time(frame, "t", "e", "entry", 5).set_index("reading").loc["left truncated"]
    assert row["status"] == "not_estimable" and "before the next patient entered" in row["note"]
    assert kaplan_meier(frame, "t", "e", entry="entry")["survival"].isna().all()


def delayed(seed: int, n: int, effect: float) -> pd.DataFrame:
    """Two causes; a covariate moves both. Who has left before entering is never seen."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, n)
    own, other = rng.exponential(800 * np.exp(-effect * x)), rng.exponential(1200, n)
    end, entry = np.floor(rng.uniform(300, 2500, n)), np.floor(rng.uniform(0, 700, n) * (rng.random(n) < 0.7))
    time = np.ceil(np.minimum(np.minimum(own, other), end))
    code = np.where(np.minimum(own, other) > end, 0, np.where(own < other, 1, 2))
    frame = pd.DataFrame({"t": time, "e": code, "x": x, "entry": entry})
    return frame[entry < time].reset_index(drop=True)


def test_delayed_entry_gives_the_coefficient_of_those_watched_from_the_start():
    """Among 12,000 the two ways to the same truth agree; without the entries the model is another one."""
    late = delayed(1, 12_000, 0.7)
    watched = delayed(2, 12_000, 0.7)
    watched = watched[watched["entry"] == 0]
    truth = fit_fine_gray(watched, "t", "e", ["x"]).terms.iloc[0]
    found = fit_fine_gray(late, "t", "e", ["x"], entry="entry").terms.iloc[0]
    assert found["coefficient"] == pytest.approx(truth["coefficient"], abs=3 * truth["standard_error"])
    test = gray_test(late, "t", "e", "x", entry="entry").iloc[0]
    assert test["p_value"] < 1e-10 and test["status"] == "ok"


@pytest.mark.parametrize("frame", [
    pd.DataFrame({"t": [2, 4, 9, 10, 11, 12], "e": [1, 2, 1, 0, 2, 1], "entry": [0, 0, 5, 5, 5, 5]}),
    pd.DataFrame({"t": [2, 4, 5, 10, 11, 12], "e": [1, 2, 0, 0, 2, 1], "entry": [0, 0, 0, 5, 5, 5]}),
])  # fmt: skip
def test_a_competing_event_is_not_followed_over_a_time_with_nobody_at_risk(frame):
    frame = frame.assign(x=[0, 1, 0, 1, 0, 1])
    fit = fit_fine_gray(frame, "t", "e", ["x"], entry="entry")
    test = gray_test(frame, "t", "e", "x", entry="entry").iloc[0]
    for status, note in ((fit.status, fit.note), (test["status"], test["note"])):
        assert status == "not_estimable" and "before the next patient entered" in note
    assert fit.terms["coefficient"].isna().all() and np.isnan(test["p_value"])


def test_a_group_that_empties_alone_has_no_incidence_to_compare():
    frame = delayed(3, 200, 0.0)
    gap = pd.DataFrame({"t": [3, 900], "e": [2, 1], "x": 2, "entry": [0, 700]})
    test = gray_test(pd.concat([frame, gap]), "t", "e", "x", entry="entry").iloc[0]
    assert test["status"] == "not_estimable" and test["note"].startswith("2: Nobody was at risk")
