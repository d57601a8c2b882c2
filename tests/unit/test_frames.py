"""Frames brought into a declared shape."""

import polars as pl

from registry_pipeline.core.frames import column_or_null, with_schema

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
