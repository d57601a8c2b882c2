"""Facilities, states, absolute risk: what R does not say of them, by simulation with known truth and by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from registry_pipeline import analysis
from registry_pipeline.analysis.facilities import frailty
from tests.reference.data_sets import registry

END = ("time", "event")


def test_limits_of_the_spread_between_facilities_hold_the_truth():
    """800 draws of 8 facilities whose true values spread by 0.3; Q's p has no spread to find in another 800."""
    rng, held, pooled, wrong, n = np.random.default_rng(1), 0, 0, 0, 800
    for _ in range(n):
        errors = rng.uniform(0.1, 0.5, 8)
        row = analysis.heterogeneity(1 + rng.normal(0, 0.3, 8) + rng.normal(0, errors), errors).iloc[0]
        held += row["between_sd_lower"] <= 0.3 <= row["between_sd_upper"]
        pooled += row["ci_lower"] <= 1 <= row["ci_upper"]
        wrong += analysis.heterogeneity(1 + rng.normal(0, errors), errors).iloc[0]["p_value"] < 0.05
    assert 0.93 <= held / n <= 0.97 and 0.93 <= pooled / n <= 0.97 and 0.03 <= wrong / n <= 0.07


def test_the_funnel_finds_the_worse_facility_and_few_others():
    table = analysis.facility_funnel(registry(), *END, "facility", ["x", "group"]).set_index("facility")
    assert table["expected"].sum() == pytest.approx(table["n_event"].sum())
    assert table.loc["F05", "position"] == "above alarm" and table.loc["F05", "p_value_adjusted"] < 0.01
    assert (table["ci_lower"] <= table["ratio"]).all() and (table["ratio"] <= table["ci_upper"]).all()


def test_equal_facilities_lie_in_the_funnel():
    rng, outside, alarm = np.random.default_rng(2), 0, 0
    for _ in range(60):
        time, end = np.ceil(rng.exponential(700, 360)), rng.uniform(200, 1500, 360)
        frame = pd.DataFrame({"time": np.minimum(time, np.ceil(end)), "event": (time <= end).astype(int)})
        table = analysis.facility_funnel(frame.assign(f=rng.integers(0, 12, 360)), *END, "f")
        outside += int((table["position"] != "inside").sum())
        alarm += int(table["position"].str.contains("alarm").sum())
    assert outside / 720 <= 0.06 and alarm / 720 <= 0.008


def test_without_a_facility_nothing_else_changes():
    frame = registry()
    table = analysis.leave_one_facility_out(frame, "facility", lambda part: {"mean": float(part["x"].mean())})
    assert table["mean"].iloc[0] == frame["x"].mean() and len(table) == 13
    kept = frame[frame["facility"] != "F03"]
    assert table.set_index("left_out").loc["F03", "mean"] == kept["x"].mean()


def test_a_frailty_needs_three_facilities_and_sees_none_where_there_is_none():
    frame = registry().assign(facility=lambda f: np.where(f["id"] % 2, "a", "b"))
    assert analysis.fit_shared_frailty(frame, *END, "facility").status == "not_estimable"
    alike = registry().assign(facility=lambda f: f["id"] // 40)
    row = analysis.fit_shared_frailty(alike, *END, "facility", ["x", "group"]).summary.iloc[0]
    assert row["ci_lower"] == 0 and row["p_value"] > 0.05


def test_a_frailty_of_many_events_that_are_spread_alike_is_below_the_smallest_variance():
    days = np.tile(np.arange(1.0, 31.0), 3_000)
    frame = pd.DataFrame({"time": days, "event": 1, "facility": np.repeat(["a", "b", "c"], 30_000)})
    row = analysis.fit_shared_frailty(frame, *END, "facility").summary.iloc[0]
    assert (row["status"], row["variance"], row["ci_lower"]) == ("ok", 0.0, 0.0)
    assert 0 < row["ci_upper"] <= 1e-4


def test_no_variance_between_facilities_is_seen_at_few_variances(monkeypatch):
    """A search for the maximum crept to the smallest variance in thirty steps, each of several passes over all patients."""
    tried, at_variance = [], frailty._at_variance
    monkeypatch.setattr(frailty, "_at_variance", lambda *given: tried.append(given[1]) or at_variance(*given))
    alike = pd.concat([registry().assign(facility=number) for number in range(10)])
    row = analysis.fit_shared_frailty(alike, *END, "facility").summary.iloc[0]
    assert row["variance"] == 0 and len(tried) < 20, tried


def course(frame: pd.DataFrame) -> pd.DataFrame:
    entered = frame["progressed"].where(frame["progressed"] >= 0)
    return analysis.course_intervals(
        frame.assign(entered=entered), "id", *END, {"progressed": "entered"}, "treated"
    )


COLUMNS = ("patient", "start", "stop", "state", "next_state")


def test_states_add_up_and_their_error_is_that_of_leaving_out_patients():
    frame = registry(120)
    whole = analysis.time_in_state(course(frame), *COLUMNS, 500)
    assert whole["mean_time"].sum() == pytest.approx(500)
    without = np.array(
        [
            analysis.time_in_state(course(frame[frame["id"] != i].reset_index(drop=True)), *COLUMNS, 500)[
                "mean_time"
            ]
            for i in range(120)
        ]
    )
    jackknife = np.sqrt(119 / 120 * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
    np.testing.assert_allclose(whole["standard_error"], jackknife, rtol=0.03)


def followed(rows: pd.DataFrame, states: list[str], until: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities at a time and their standard errors: each patient's influence, one time after the other."""
    patients = list(rows["patient"].unique())
    begin = rows[rows["start"] == rows["start"].min()]
    share = np.array([(begin["state"] == state).mean() for state in states])
    influence = np.zeros((len(patients), len(states)))
    for row in begin.itertuples():
        influence[patients.index(row.patient)] = (np.array(states) == row.state) - share
    influence /= len(begin)
    for time in sorted(set(rows.loc[rows["next_state"].notna() & (rows["stop"] <= until), "stop"])):
        at_risk = rows[(rows["start"] < time) & (rows["stop"] >= time)]
        rate = np.zeros((len(states), len(states)))
        move = {row.Index: np.zeros(len(states)) for row in at_risk.itertuples()}
        for row in at_risk[(at_risk["stop"] == time) & at_risk["next_state"].notna()].itertuples():
            move[row.Index] = 1.0 * (np.array(states) == row.next_state) - (np.array(states) == row.state)
            own = states.index(row.state)
            rate[own] += move[row.Index] / (at_risk["state"] == row.state).sum()
        influence += influence @ rate
        for row in at_risk.itertuples():
            own, size = states.index(row.state), (at_risk["state"] == row.state).sum()
            influence[patients.index(row.patient)] += share[own] / size * (move[row.Index] - rate[own])
        share = share + share @ rate
    return share, np.sqrt((influence**2).sum(axis=0))


def test_influence_is_that_of_following_each_patient_who_may_enter_late():
    rows = course(registry(60)).assign(start=lambda f: f["start"].where(f["start"] > 0, f.index % 3))
    rows = rows[rows["start"] < rows["stop"]]
    occupied = analysis.state_occupation(rows, *COLUMNS, [90, 400])
    for time, part in occupied.groupby("landmark"):
        probability, error = followed(rows, list(part["state"]), time)
        np.testing.assert_allclose(part["probability"], probability, rtol=1e-12)
        np.testing.assert_allclose(part["standard_error"], error, rtol=1e-11)


@pytest.mark.parametrize(
    ("mild", "severe", "is_dead", "expected"),
    [
        (3, 5, 1, [(0, 3, "free", "mild"), (3, 5, "mild", "severe"), (5, 9, "severe", "death")]),
        (5, 5, 0, [(0, 5, "free", "severe"), (5, 9, "severe", None)]),
        (6, 5, 0, [(0, 5, "free", "severe"), (5, 9, "severe", None)]),
        (0, 9, 1, [(0, 9, "mild", "death")]),
        (0, 9, 0, [(0, 9, "mild", "severe")]),
        (9, 9, 0, [(0, 9, "free", "severe")]),
        (np.nan, np.nan, 0, [(0, 9, "free", None)]),
    ],
)
def test_the_more_severe_state_counts_and_death_before_all(mild, severe, is_dead, expected):
    frame = pd.DataFrame({"id": ["a"], "time": 9, "event": is_dead, "m": mild, "s": severe})
    rows = analysis.course_intervals(frame, "id", "time", "event", {"mild": "m", "severe": "s"}, "free")
    assert list(rows.drop(columns="patient").itertuples(index=False, name=None)) == expected


def test_a_course_that_goes_back_or_overlaps_is_refused():
    good = course(registry(20))
    with pytest.raises(
        ValueError, match="column 'start': 1 row is before the end of the patient's interval before"
    ):
        moved = good.copy()
        second = int(np.flatnonzero(moved["patient"].duplicated())[0])
        moved.loc[second, "start"] -= 1
        analysis.state_occupation(moved, *COLUMNS, 100)
    with pytest.raises(ValueError, match="is not the state entered before"):
        other = good.copy()
        other.loc[int(np.flatnonzero(other["patient"].duplicated())[0]), "state"] = "treated"
        analysis.state_occupation(other, *COLUMNS, 100)


def test_case_weights_that_are_whole_are_copies():
    frame = registry().assign(weight=lambda f: 1 + f["id"] % 3)
    copies = frame.loc[np.repeat(frame.index, frame["weight"])].reset_index(drop=True)
    weighted = analysis.fit_cox(frame, *END, ["x"], weights="weight", ties="breslow")
    doubled = analysis.fit_cox(copies, *END, ["x"], cluster="id", ties="breslow", cross_check=False)
    for name in ("coefficient", "standard_error"):
        assert weighted.terms[name].iloc[0] == pytest.approx(doubled.terms[name].iloc[0], rel=1e-6)
    assert weighted.data.n == len(frame)


def test_the_corrected_accuracy_is_worse_than_it_looks_and_noise_predicts_nothing():
    rng = np.random.default_rng(4)
    frame = registry(80).assign(**{f"noise{j}": rng.normal(size=80) for j in range(6)})
    names = [f"noise{j}" for j in range(6)]
    row = analysis.prediction_accuracy(frame, *END, names, 365, n_bootstrap=60).iloc[0]
    assert row["brier_corrected"] > row["brier"] + 0.01 and row["auc_corrected"] < row["auc"] - 0.03
    assert row["scaled_brier_corrected"] < 0.05


def test_standardised_survival_holds_the_truth():
    """Limits of the survival of everybody in one group, the truth from the model itself: 300 cohorts of 150."""
    big = np.random.default_rng(9).normal(size=200_000)
    truth = float(np.exp(-400 / 900 * np.exp(0.5 * big + 0.6)).mean())
    held = 0
    for i in range(300):
        rng = np.random.default_rng([3, i])
        x, group = rng.normal(size=150), np.where(rng.random(150) < 0.5, "b", "a")
        time = np.ceil(rng.exponential(900 * np.exp(-0.5 * x - 0.6 * (group == "b"))))
        end = np.floor(rng.uniform(300, 2700, 150))
        frame = pd.DataFrame(
            {"x": x, "group": group, "time": np.minimum(time, end), "event": (time <= end).astype(int)}
        )
        fit = analysis.fit_cox(frame, *END, ["x", "group"], cross_check=False)
        row = analysis.standardised_survival(fit, "group", 400).set_index("level").loc["b"]
        held += row["ci_lower"] <= truth <= row["ci_upper"]
    assert 0.91 <= held / 300 <= 0.985  # bars that 95 % passes in 998 of 1,000 series


def test_no_probability_of_a_state_lies_beyond_0_and_1() -> None:
    """Five who die one after the other were dead with probability 1.0000000000000002, which no release may hold."""
    for n in (5, 9, 30):
        rows = {
            "stop": np.arange(1.0, n + 1),
            "start": 0.0,
            "patient": range(n),
            "own": "alive",
            "next": "dead",
        }
        occupation = analysis.state_occupation(
            pd.DataFrame(rows), "patient", "start", "stop", "own", "next", [float(n)]
        )
        assert occupation["probability"].between(0, 1).all()
        assert occupation.set_index("state")["probability"].to_dict() == pytest.approx(
            {"alive": 0, "dead": 1}
        )
