"""Facilities, the course as states, absolute risk, bands of growth, and which comparison of an endpoint is primary."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from registry_pipeline.analysis import landmark_survival
from registry_pipeline.core.settings import Study
from registry_pipeline.study.analysis import Inputs, Tables
from registry_pipeline.study.estimates import analyses
from registry_pipeline.study.marts import Marts
from registry_pipeline.study.scorecard import scorecard
from registry_pipeline.study.survival import marked_comparisons
from tests.unit.steps.drawn_marts import drawn_marts

STUDY = Study(bootstrap_replicates=20)


@pytest.fixture(scope="module")
def marts() -> Marts:
    return drawn_marts()


def tables_of(name: str, marts: Marts, study: Study = STUDY) -> Tables:
    return analyses()[name].tables(Inputs(marts, study))


def test_expected_deaths_of_facilities_add_up_to_the_observed(marts: Marts) -> None:
    rows = tables_of("facilities", marts)["facility_funnel"]
    assert set(rows["facility"]) == {"north", "south", "west"}
    for _, part in rows.groupby("adjustment"):
        assert part["expected"].sum() == pytest.approx(part["n_event"].sum())


def test_one_facility_is_compared_with_nobody(marts: Marts) -> None:
    alone = marts.cohort.assign(facility_id="north")
    others = replace(marts, cohort=alone, registry_patient=alone)
    for rows in (
        *tables_of("facilities", others).values(),
        *tables_of("headlines by facility", others).values(),
    ):
        assert rows["status"].tolist() == ["not_estimable"]
        assert rows["note"].iloc[0].startswith("Only one facility")


def test_a_patient_is_in_one_state_at_any_time(marts: Marts) -> None:
    tables = tables_of("course as states", marts)
    occupied = tables["state_occupation"]
    known = occupied[occupied["status"] == "ok"]
    sums = known.groupby(["stratum_variable", "stratum", "landmark_months"], dropna=False)[
        "probability"
    ].sum()
    assert np.allclose(sums, 1)
    lasting = tables["state_time"]
    lasting = lasting[lasting["status"] == "ok"]
    sums = lasting.groupby(["stratum_variable", "stratum"], dropna=False)["mean_months"].sum()
    assert np.allclose(sums, 36)


def test_adjusted_survival_is_of_both_levels_of_size(marts: Marts) -> None:
    rows = tables_of("absolute risk", marts)["prediction_standardised"]
    of_size = rows[rows["variable"] == "is_small"]
    assert of_size["level"].nunique() == 2
    assert rows["survival"].dropna().between(0, 1).all()


def test_a_band_holds_the_reported_months(marts: Marts) -> None:
    rows = tables_of("growth", marts)["growth_band"]
    known = rows[rows["status"] == "ok"]
    assert len(known)
    assert (known["lowest_months"] <= known["highest_months"]).all()
    of_limits = known[known["band"] == "detection limits"]  # the reported form need not be a plausible one
    assert of_limits["months"].between(of_limits["lowest_months"], of_limits["highest_months"]).all()


def test_one_comparison_of_an_endpoint_is_primary_and_the_others_are_adjusted() -> None:
    tests = pd.DataFrame(
        {
            "endpoint": ["os"] * 4 + ["os"] * 2,
            "origin": ["lrt_start"] * 4 + ["primary_dx"] * 2,
            "stratum_variable": [
                "scf_vs_other", "size_group", "age_group", "figo_group", "histology_group", "figo_group",
            ],
            "p_value": [0.01, 0.03, 0.04, np.nan, 0.2, 0.5],
        }
    )  # fmt: skip
    marked = marked_comparisons(tests)
    assert marked["is_primary"].tolist() == [False, True, False, False, False, True]
    assert marked["n_exploratory"].tolist() == [3, 3, 3, 3, 1, 1]
    assert marked["adjusted_p_value"].iloc[[0, 2, 4]].tolist() == pytest.approx([0.02, 0.04, 0.2])
    assert marked["adjusted_p_value"].iloc[[1, 3, 5]].isna().all()


def test_the_headline_interval_of_growth_knows_patients() -> None:
    """The profile takes lesions of one patient as independent and covers 72 to 89 %."""
    rows = pd.DataFrame(
        {
            "model": "exponential",
            "error_model": "additive",
            "threshold_mm": 15.0,
            "months": 5.8,
            "ci_method": ["profile", "cluster_bootstrap"],
            "ci_lower": [4.2, 3.9],
            "ci_upper": [7.1, 7.6],
        }
    )
    cohort = pd.DataFrame({"patient_id": ["a"]})
    for frame, limits, said in (
        (rows, (3.9, 7.6), "patients drawn with all their lesions"),
        (rows.iloc[:1], (4.2, 7.1), "lesions taken as independent"),
    ):
        card = scorecard({"cohort": cohort, "growth_threshold": frame})
        line = card[card["item"] == 13].iloc[0]
        assert (line["ci_lower"], line["ci_upper"]) == limits
        assert said in line["assumption"]


def test_headlines_without_a_facility_are_those_of_the_others(marts: Marts) -> None:
    tables = tables_of("headlines by facility", marts)
    without, whole = tables["facility_left_out"], tables["facility_difference"].set_index("headline")
    assert set(without["headline"]) == set(whole.index) >= {"os_36", "rmst", "follow_up", "hazard_ratio_size"}
    frame = marts.times("os", STUDY.origin)
    others = frame[frame["facility_id"] != "north"]
    expected = landmark_survival(others, "duration_days", "is_event", 36 * STUDY.days_per_month)[
        "survival"
    ].iloc[0]
    own = without[(without["headline"] == "os_36") & (without["left_out"] == "north")].iloc[0]
    assert own["computed_value"] == pytest.approx(100 * expected)
    assert own["change"] == pytest.approx(own["computed_value"] - whole.loc["os_36", "computed_value"])
    assert own["n"] == others["patient_id"].nunique() and own["n"] + own["n_left_out"] == len(frame)


def test_a_registry_of_many_patients_has_its_headlines_by_facility_but_for_growth(marts: Marts) -> None:
    """A bound on bootstraps left all of them out from 2,001 patients on: just where there are many facilities."""
    few = replace(STUDY, bootstrap_max_patients=1)
    for rows in tables_of("headlines by facility", marts, few).values():
        is_growth = rows["headline"] == "growth_months"
        assert "bootstrap_max_patients" in " ".join(rows.loc[is_growth, "note"])
        assert (rows.loc[rows["headline"] == "os_36", "status"] == "ok").all()


def test_differences_between_facilities_are_pooled_on_their_scale(marts: Marts) -> None:
    rows = tables_of("headlines by facility", marts)["facility_difference"]
    known = rows[rows["status"] == "ok"].set_index("headline")
    assert {"os_36", "rmst"} <= set(known.index)
    assert ((known["ci_lower"] < known["pooled"]) & (known["pooled"] < known["ci_upper"])).all()
    assert (
        (known["prediction_lower"] <= known["ci_lower"])
        & (known["lowest_left_out"] <= known["computed_value"])
    ).all()
    assert known.loc["os_36", "ci_lower"] >= 0 and known.loc["os_36", "ci_upper"] <= 100
    follow_up = rows.set_index("headline").loc["follow_up"]
    assert (
        follow_up["status"] == "not_estimable"
        and follow_up["lowest_left_out"] <= follow_up["highest_left_out"]
    )
