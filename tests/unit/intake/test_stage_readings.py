"""Readings that are made for many texts at once are those of the parser, text by text."""

from __future__ import annotations

import re
from datetime import date
from functools import partial

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_pipeline.core.side_by_side import parted, stacked
from registry_pipeline.intake.columns.blanks import folded
from registry_pipeline.intake.columns.bulk_readings import identifier_readings, read_dates, read_identifiers
from registry_pipeline.intake.columns.readings import _read_date, read_identifier
from registry_pipeline.intake.parsing import parse_texts
from registry_pipeline.intake.parsing.identifiers import NumberedColumn, parse_identifier
from registry_pipeline.intake.parsing.text import comparison_key

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
    st.text(alphabet="AZaz09-_./ +eEx='\"#", max_size=8),
    st.text(alphabet="Ａ１ \t\u3000\u200b–é病9", max_size=6),
    st.from_regex(r"\A[0-9]\.[0-9]{1,3}[eE]\+?[0-9]{1,2}x?\Z"),
    st.from_regex(r"\A[089]{1,6}(\.0{1,2})?\Z"),
    st.sampled_from(
        ("NULL", "nan", "#N/A", "9998", "99999", '="00123"', "'00125", "1126.0", "不详", "N/A", "\\N", "-99")
    ),
)


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(IDENTIFIERS, max_size=12), is_person=st.booleans())
def test_identifiers(texts: list[str | None], is_person: bool) -> None:
    fields = {"value": pl.String, **FOUND}
    series = pl.Series(texts, dtype=pl.String)
    column = NumberedColumn(
        is_person,
        has_decimals=any(re.fullmatch(r"[0-9]+\.[0-9]*[1-9][0-9]*", text) for text in texts if text),
        running=frozenset(text for text in texts if text and re.fullmatch("9+8|8+7", text)),
    )
    found, expected = (
        frame.with_columns(pl.when(pl.col("after").is_not_null()).then(pl.col("parser")).alias("parser"))
        for frame in (
            read_identifiers(series, is_person, fields),
            parse_texts(series, partial(read_identifier, column=column), fields),
        )
    )
    assert found.rows() == expected.rows()


@settings(max_examples=100, deadline=None)
@given(columns=st.lists(st.lists(IDENTIFIERS, max_size=5), min_size=1, max_size=3), is_person=st.booleans())
def test_identifiers_of_a_facility_are_read_as_if_it_were_alone(
    columns: list[list[str | None]], is_person: bool
) -> None:
    fields = {"value": pl.String, **FOUND}
    alone = [read_identifiers(pl.Series(texts, dtype=pl.String), is_person, fields) for texts in columns]
    parts = [
        pl.DataFrame({"_row_id": range(len(texts)), "text": pl.Series(texts, dtype=pl.String)})
        for texts in columns
    ]
    rows = stacked(parts)
    _, readings, places = identifier_readings(rows["text"], rows["_row_id"], is_person, fields)
    result = readings[places]
    assert [row for frame in alone for row in frame.rows()] == result.rows()
    assert [part.rows() for part in parts] == [part.rows() for part in parted(rows, len(parts))]


# Signs of a newer Unicode than Python knows fold in polars already.
TEXTS = st.text(alphabet=st.characters(exclude_categories=("Cs", "Cn")), max_size=20)


@given(text=TEXTS | st.text(alphabet="aA１ \u200b\ufeff–\u3000\t2é", max_size=8))
def test_conditions_fold_as_codes_do(text: str) -> None:
    folded_text = pl.DataFrame({"text": [text]}).select(folded(pl.col("text"))).item()
    assert folded_text.casefold() == comparison_key(text)


@pytest.mark.parametrize(
    ("text", "value", "reason"),
    [
        ('="00123"', "00123", None),
        ("'00125", "00125", None),
        ("1126.0", "1126", None),
        ("００１２７", "00127", None),
        ("J.1126.0x", "J.1126.0x", None),
        ("O'Neil", "O'Neil", None),
        *(
            (word, None, "placeholder_identifier")
            for word in ("NULL", "NaN", "#N/A", "9999999999999999", "-", "不详")
        ),
        *(
            (word, None, "placeholder_identifier")
            for word in ("unknown", "N/A", "xxx", "00000", "0", "？", '=""', "-99")
        ),
        ("1.2E+10", None, "rounded_identifier"),
        ("1E+05", None, "rounded_identifier"),
        ("x" * 3000, None, "text_too_long"),
        ("  ", None, None),
    ],
)
def test_an_identifier_is_read_or_said_to_name_nobody(
    text: str, value: str | None, reason: str | None
) -> None:
    parsed = parse_identifier(text, NumberedColumn())
    assert (parsed.value, parsed.reason) == (value, reason)


def test_the_column_tells_a_number_from_a_placeholder() -> None:
    assert parse_identifier("9999", NumberedColumn(running=frozenset({"9998"}))).value == "9999"
    assert parse_identifier("1126.0", NumberedColumn(has_decimals=True)).value == "1126.0"
    assert parse_identifier("0", NumberedColumn(is_person=False)).value == "0"
