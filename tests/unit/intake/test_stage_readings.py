"""Readings that are made for many texts at once are those of the parser, text by text."""

from __future__ import annotations

from datetime import date
from functools import partial

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_pipeline.intake.columns.readings import _read_date, read_identifier
from registry_pipeline.intake.columns.values import read_dates, read_identifiers
from registry_pipeline.intake.parsing import parse_texts

FOUND = {"rule_id": pl.String, "reason": pl.String, "after": pl.String, "parser": pl.String}
DATE = {"value": pl.Date, "precision": pl.String, "lower": pl.Date, "upper": pl.Date, **FOUND}
DAYS = st.dates(date(1700, 1, 1), date(2300, 12, 31))
ODD_DATES = st.sampled_from(
    (
        *(None, "2019-02-30", "20190230", "2019-2-3", "0000-01-01", "9999-12-31", "2019-13-01", "2019-00-10"),
        *(
            "３１.12.2019",
            "2019-03-05 ",
            "2019-03-05\n",
            "2019",
            "5.3.2019",
            "1899-12-31",
            "21991231",
            "44185",
        ),
    )
)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%Y%m%d", "%d.%m.%Y", "%Y年%m月%d日"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_dates(form: str, data: st.DataObject) -> None:
    written = DAYS.flatmap(lambda day: st.sampled_from([form, "%Y-%m-%d", "%d/%m/%Y"]).map(day.strftime))
    texts = pl.Series(
        data.draw(st.lists(st.one_of(written, written, ODD_DATES), max_size=12)), dtype=pl.String
    )
    read = partial(_read_date, options={"formats": (form,), "day_first": None, "excel_serial": None})
    found, expected = read_dates(texts, read, DATE, form), parse_texts(texts, read, DATE)
    assert found.schema == expected.schema
    assert found.rows() == expected.rows()


IDENTIFIERS = st.one_of(
    st.none(),
    st.text(alphabet="AZaz09-_./ +eE", max_size=8),
    st.text(alphabet="Ａ１ \t\u3000\u200b–é病9", max_size=6),
    st.from_regex(r"\A[0-9]\.[0-9]{1,3}[eE]\+?[0-9]{1,2}x?\Z"),
)


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(IDENTIFIERS, max_size=12))
def test_identifiers(texts: list[str | None]) -> None:
    fields = {"value": pl.String, **FOUND}
    series = pl.Series(texts, dtype=pl.String)
    found, expected = (
        frame.with_columns(pl.when(pl.col("after").is_not_null()).then(pl.col("parser")).alias("parser"))
        for frame in (read_identifiers(series, fields), parse_texts(series, read_identifier, fields))
    )
    assert found.rows() == expected.rows()
