"""Rows of facilities under one another: which are worked on at a time, numbers, and how many have a value."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_pipeline.core.side_by_side import at_a_time, bounds, filled, own_number, stacked


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=1, max_size=6), st.integers(1, 8))
def test_each_facility_is_cut_where_it_would_be_alone(heights: list[int], most: int) -> None:
    places = [(sum(heights[:at]), height) for at, height in enumerate(heights)]
    cuts: list[list[tuple[int, int]]] = [[] for _ in heights]
    end = 0
    for begin, part in at_a_time(places, most):
        n_rows = sum(height for _, height in part)
        assert begin == end and n_rows <= most
        end += n_rows
        for own, (first, height) in zip(cuts, part, strict=True):
            own += [(begin + first, height)] if height else []
    assert end == sum(heights)
    for own, (first, height) in zip(cuts, places, strict=True):
        alone = [(first + at, min(height - at, most)) for at in range(0, height, most)]
        assert own == alone


def test_numbers_of_stacked_rows_and_lists_go_back_and_values_are_counted_by_facility() -> None:
    parts = [
        pl.DataFrame({"_row_id": [1, 2], "_row_ids": [[1], [2, 3]], "a": ["x", None], "b": [None, None]}),
        pl.DataFrame(schema={"_row_id": pl.Int64, "_row_ids": pl.List(pl.Int64), "a": pl.String}),
        pl.DataFrame({"_row_id": [1], "_row_ids": [[1]], "a": ["y"], "b": [2.5]}),
    ]
    rows = stacked(parts, ("_row_id", "_row_ids"))
    places = bounds(rows["_row_id"], 3)
    assert places == [(0, 2), (2, 0), (2, 1)] and rows["_row_id"].is_unique().all()
    assert filled(rows[["a", "b"]], places) == {"a": [1, 0, 1], "b": [0, 0, 1]}
    back = rows.select(own_number(pl.col("_row_id")), pl.col("_row_ids").list.eval(own_number(pl.element())))
    assert back.rows() == [(1, [1]), (2, [2, 3]), (1, [1])]
