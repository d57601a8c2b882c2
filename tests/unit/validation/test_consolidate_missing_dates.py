"""Rows of one key that know a date, or do not: what is merged is what was given, every time.

Sorting a group without values and taking the first read past the end of the data (polars 2.1): dates came
out of the blue, differently at every run.
"""

from datetime import date, timedelta

import polars as pl

from registry_pipeline.validation.screening.consolidate import consolidate_table

N = 300


def _rows() -> pl.DataFrame:
    days = [date(1950, 1, 1) + timedelta(days=37 * i) for i in range(N)]
    known = [day if i % 3 == 0 else None for i, day in enumerate(days)]
    twice = [one for one in known for _ in range(2)]
    return pl.DataFrame(
        {
            "patient_id": [f"P{i // 2}" for i in range(2 * N)],
            "facility_id": "x",
            "sex": ["F", None] * N,
            "birth_date": pl.Series(twice, dtype=pl.Date),
            "_row_id": range(2 * N),
            "_row_ids": [[i] for i in range(2 * N)],
            "_source_no": pl.Series([0] * 2 * N, dtype=pl.Int16),
            "_submission_no": pl.Series([1] * 2 * N, dtype=pl.Int32),
        }
    )


def test_missing_dates_stay_missing_and_known_ones_stay_themselves() -> None:
    rows = _rows()
    expected = rows["birth_date"].gather_every(2).to_list()
    for _ in range(20):
        records = consolidate_table("patient", rows).records
        assert records["birth_date"].cast(pl.Int32).to_list() == [
            None if day is None else (day - date(1970, 1, 1)).days for day in expected
        ]
