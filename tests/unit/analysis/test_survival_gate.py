"""What the gate of the analysis room lets through, and what it says when it does not."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest

from registry_pipeline.analysis import cause_specific, kaplan_meier, missing_counts
from registry_pipeline.analysis.counting import merge_close_times
from registry_pipeline.analysis.inputs import numbers
from registry_pipeline.analysis.times import check_groups, check_times

GOOD = {"time": [0, 3, 5], "event": [0, 1, 1], "entry": [-1, 0, 2]}


def frame(**columns):
    return pd.DataFrame(GOOD | columns)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"time": [1, -987654, -987654]}, r"column 'time': 2 rows are negative"),
        ({"time": [1, math.nan, 3]}, r"column 'time': 1 row is missing"),
        ({"time": [1, math.inf, 3]}, r"column 'time': 1 row is infinite"),
        ({"time": ["987654", "b", "c"]}, r"column 'time' must be numeric"),
        ({"event": [0, 2, 1]}, r"column 'event': 1 row is neither 0 nor 1"),
        ({"event": [0, None, 1]}, r"column 'event': 1 row is missing"),
        ({"entry": [0, 1, 2]}, r"column 'entry': 1 row is not less than column 'time'"),
    ],
)
@pytest.mark.parametrize("make", [lambda f: f, pl.from_pandas])
def test_refusals_name_column_and_count_never_a_value(columns, message, make):
    with pytest.raises(ValueError, match=message) as caught:
        check_times(make(frame(**columns)), "time", "event", "entry")
    assert "987654" not in str(caught.value)


def test_absent_column_is_named_with_those_there_are():
    with pytest.raises(ValueError, match="'days' is not in the frame; it has time, event, entry"):
        check_times(frame(), "days", "event")


def test_column_that_occurs_twice_is_refused():
    doubled = pd.concat([frame(), frame()[["time"]]], axis=1)
    with pytest.raises(ValueError, match="occurs 2 times"):
        check_times(doubled, "time", "event")


def test_duration_zero_is_kept():
    assert check_times(frame(), "time", "event").duration.tolist() == [0, 3, 5]


def test_truth_values_are_events():
    assert check_times(frame(event=[False, True, True]), "time", "event").event.tolist() == [0, 1, 1]


def test_polars_nulls_and_categories():
    data = pl.DataFrame(
        {
            "b": [True, None, False],
            "e": pl.Series(["y", None, "x"], dtype=pl.Enum(["y", "x"])),
            "s": ["u", None, "v"],
        }
    )
    assert check_groups(data, "b", 3).labels == ("false", "true")
    assert check_groups(data, "e", 3).labels == ("y", "x")
    assert check_groups(data, "s", 3).code.tolist() == [0, -1, 1]
    assert missing_counts(data.lazy(), ["s"])["n_missing"].tolist() == [1]


def test_group_of_whole_floats_is_written_as_whole():
    assert check_groups(pd.DataFrame({"g": [1.0, 2.0, math.nan]}), "g", 3).labels == ("1", "2")


def test_times_that_differ_by_rounding_are_one_time():
    assert len(np.unique(merge_close_times(np.array([0.1 + 0.2, 0.3, 0.4])))) == 2
    days = np.array([1.0, 2.0, 3.0])
    assert merge_close_times(days) is days
    curve = kaplan_meier(pd.DataFrame({"t": [0.1 + 0.2, 0.3], "e": [1, 1]}), "t", "e")
    assert curve["survival"].tolist() == [0.0]


def test_cause_specific_censors_the_other_causes_and_leaves_the_frame_alone():
    data = pd.DataFrame({"event": [0, 1, 2, 3]})
    assert cause_specific(data, "event", 2)["event"].tolist() == [0, 0, 1, 0]
    assert data["event"].tolist() == [0, 1, 2, 3]
    assert cause_specific(pl.from_pandas(data), "event")["event"].tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize(
    "values",
    [
        pd.array([1, None, 3], dtype="Int64"),
        pd.array([True, None, False], dtype="boolean"),
        np.array([1.0, np.nan, 3.0]),
        np.array([1, None, 3.0], dtype=object),
        np.array([True, None, False], dtype=object),
    ],
)
def test_missing_numbers_in_every_kind_of_column(values):
    assert np.isnan(numbers(pd.DataFrame({"x": values}), "x")).tolist() == [False, True, False]


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([1, None, 3]),
        pl.Series([True, None, False]),
        pl.Series(["1.5", None, "2"]).cast(pl.Decimal(10, 2)),
        pl.Series([1.5, None, 2.0], dtype=pl.Float32),
    ],
)
def test_missing_numbers_in_every_kind_of_polars_column(values):
    assert np.isnan(numbers(pl.DataFrame({"x": values}), "x")).tolist() == [False, True, False]


def test_all_missing_is_numeric():
    assert np.isnan(numbers(pl.DataFrame({"x": [None, None]}), "x")).all()
    assert np.isnan(numbers(pd.DataFrame({"x": [None, None]}), "x")).all()


def test_importing_the_room_is_cheap():
    code = "import sys, registry_pipeline.analysis; print(sorted({'pandas', 'scipy', 'lifelines'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_every_public_name_exists():
    from registry_pipeline import analysis

    for name in analysis.__all__:
        assert callable(getattr(analysis, name)), name
    with pytest.raises(AttributeError, match="attribute fit_everything"):
        _ = analysis.fit_everything
