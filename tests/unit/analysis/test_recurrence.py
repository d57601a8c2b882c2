"""Patterns of recurrence."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pytest

from registry_pipeline.analysis.survival.recurrence import COLUMNS, recurrence_patterns

EVENTS = pd.DataFrame(
    {
        "patient_id": ["a", "a", "b", "c", "c", "d", "d", "e", "e"],
        "event_type": [
            "local_recurrence", "new_oligomet", "new_oligomet", "polymet", "new_oligomet",
            "regional", "regional", "new_oligomet", "distant",
        ],
        "months": [3.0, 9.0, 8.0, 5.0, 5.0, 7.0, 2.0, None, 4.0],
    }
)  # fmt: skip


def counts(**options) -> pd.Series:
    table = recurrence_patterns(EVENTS, 20, time="months", unit="months", **options)
    return table.set_index("pattern")["n_event"]


def test_first_overall_counts_the_earliest_and_both_of_a_tie():
    assert counts().to_dict() == {
        "local_recurrence": 1, "regional": 1, "new_oligomet": 2, "polymet": 1, "distant": 1, "any": 5,
    }  # fmt: skip


def test_first_of_type_counts_every_kind_a_patient_had():
    assert counts(counting="first_of_type").to_dict() == {
        "local_recurrence": 1, "regional": 1, "new_oligomet": 3, "polymet": 1, "distant": 1, "any": 5,
    }  # fmt: skip


def test_times_are_those_observed_among_patients_with_the_event():
    table = recurrence_patterns(EVENTS, 20, time="months", unit="months", counting="first_of_type")
    row = table.set_index("pattern").loc["new_oligomet"]
    assert (row["median_months_observed"], row["min_months"], row["max_months"]) == (8.0, 5.0, 9.0)
    regional = table.set_index("pattern").loc["regional"]
    assert regional["min_months"] == regional["max_months"] == 2.0
    assert row["share"] == 0.15
    assert row["ci_lower"] < 0.15 < row["ci_upper"]


def test_days_are_turned_into_months_and_polars_is_welcome():
    frame = pl.DataFrame({"patient_id": [1], "event_type": ["polymet"], "days_since_lrt": [365]})
    table = recurrence_patterns(frame, 4).set_index("pattern")
    assert table.loc["polymet", "max_months"] == pytest.approx(365 / 30.4375)


def test_no_event_and_no_patient():
    empty = pd.DataFrame({"patient_id": [], "event_type": [], "days_since_lrt": []})
    table = recurrence_patterns(empty, 12)
    assert list(table.columns) == COLUMNS
    assert table["n_event"].sum() == 0
    assert (table["ci_upper"] < 0.27).all()
    nobody = recurrence_patterns(empty, 0)
    assert nobody[["share", "ci_lower", "median_months_observed"]].isna().all(axis=None)


def test_an_event_before_the_origin_is_left_out():
    frame = pd.DataFrame({"patient_id": ["a"], "event_type": ["polymet"], "days_since_lrt": [-1]})
    assert recurrence_patterns(frame, 3)["n_event"].sum() == 0


def test_more_patients_with_events_than_patients_is_refused():
    with pytest.raises(ValueError, match="more patients"):
        recurrence_patterns(EVENTS, 2, time="months", unit="months")
