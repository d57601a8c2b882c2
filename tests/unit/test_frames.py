"""Frames brought into a declared shape."""

import polars as pl
import pytest

from registry_pipeline.core.frames import column_or_null, number_combinations, with_schema

SCHEMA = {"b": pl.Int64, "a": pl.String, "c": pl.Date}


def test_columns_are_ordered_cast_dropped_and_added() -> None:
    shaped = with_schema(pl.DataFrame({"a": [1], "x": [2], "b": pl.Series([3], dtype=pl.Int8)}), SCHEMA)
    assert shaped.schema == pl.Schema(SCHEMA)
    assert shaped.rows() == [(3, "1", None)]


def test_a_frame_without_rows_keeps_the_shape() -> None:
    for frame in (pl.DataFrame(), pl.DataFrame(schema={"x": pl.Int64})):
        shaped = with_schema(frame, SCHEMA)
        assert shaped.schema == pl.Schema(SCHEMA)
        assert shaped.height == 0


def test_a_missing_column_is_null_in_every_row() -> None:
    frame = pl.DataFrame({"a": ["x", "y"]})
    assert frame.select(column_or_null(frame, "n", pl.Int64))["n"].to_list() == [None, None]


def test_rows_of_one_combination_have_its_number_however_they_are_sliced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("registry_pipeline.core.frames._ROWS_AT_A_TIME", 2)
    frame = pl.DataFrame({"a": ["x", "y", None, "x", None, "x"], "b": [1, 1, 2, 1, 2, None], "c": range(6)})
    combinations, number = number_combinations(frame, ["a", "b"], "kind")
    assert combinations.rows() == [(0, "x", 1), (1, "y", 1), (2, None, 2), (3, "x", None)]
    assert number.to_list() == [0, 1, 2, 0, 2, 3] and number.name == "kind"
    assert number_combinations(frame.clear(), ["a", "b"], "kind")[1].is_empty()
