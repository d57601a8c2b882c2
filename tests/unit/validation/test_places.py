"""Rows counted by file and sheet."""

import polars as pl

from registry_pipeline.validation.screening.places import count_by_place


def test_places_that_come_again_and_have_no_name_are_counted_once() -> None:
    rows = pl.DataFrame(
        {"source_file": [None, None, "a", "a", "b", "a"], "sheet": [None, None, "1", None, "1", "1"]}
    )
    flag = pl.Series([True, False, True, True, False, True])
    made = count_by_place(rows, ["source_file", "sheet"], {"n_flag": flag})
    assert made.rows() == [(None, None, 2, 1), ("a", "1", 2, 2), ("a", None, 1, 1), ("b", "1", 1, 0)]


def test_no_rows_are_in_no_place() -> None:
    rows = pl.DataFrame(schema={"source_file": pl.String})
    assert count_by_place(rows, ["source_file"]).is_empty()
