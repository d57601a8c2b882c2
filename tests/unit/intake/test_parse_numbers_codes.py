"""Numbers, doses, codes, booleans, and whole columns of them."""

from __future__ import annotations

from functools import partial

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_pipeline.intake.parsing import (
    DOSE_UNITS,
    distinct_texts,
    make_code_parser,
    normalise_text,
    parse_date,
    parse_number,
    parse_texts,
)

FINITE = st.floats(-1e12, 1e12, allow_nan=False).map(lambda x: round(x, 6))


@given(number=FINITE)
def test_a_number_is_read_back(number: float) -> None:
    text = f"{number:.6f}"
    assert parse_number(text).value == pytest.approx(number)
    assert parse_number(text.replace(".", ","), decimal=",").value == pytest.approx(number)
    assert parse_number(repr(number)).value == pytest.approx(number)


@pytest.mark.parametrize(
    "text, value, qualifier",
    [
        ("< 0.5", 0.5, "<"),
        ("≥70", 70, ">"),
        ("约12", 12, "~"),
        ("１２．５", 12.5, "="),
        ("1.2E+10", 1.2e10, "="),
        ("−3", -3, "="),
    ],
)
def test_qualifiers_and_signs(text: str, value: float, qualifier: str) -> None:
    parsed = parse_number(text)
    assert (parsed.status, parsed.value, parsed.qualifier) == ("ok", value, qualifier)


@pytest.mark.parametrize(
    "text, reason",
    [
        ("12,5", "undeclared_comma"), ("1,234", "undeclared_comma"), ("5-7", "range"), ("5 to 7", "range"),
        ("60 Gy", "trailing_text"), ("abc", "not_a_number"), ("1e999", "out_of_range"), ("nan", "not_a_number"),
        ("inf", "not_a_number"), ("1.2.3", "not_a_number"), ("10³", "trailing_text"), ("9" * 1_000_000, "text_too_long"),
    ],
)  # fmt: skip
def test_numbers_that_would_need_a_guess(text: str, reason: str) -> None:
    parsed = parse_number(text)
    assert (parsed.status, parsed.reason, parsed.value) == ("query", reason, None)


@pytest.mark.parametrize(
    "text, unit, gray",
    [
        ("6000 cGy", None, 60.0),
        ("50.4Gy", None, 50.4),
        ("5040", "cGy", 50.4),
        ("60", "Gy", 60.0),
        ("6000CGY", "Gy", 60.0),
    ],
)
def test_doses_are_in_gray(text: str, unit: str | None, gray: float) -> None:
    assert parse_number(text, units=DOSE_UNITS, default_unit=unit).value == gray


def test_a_dose_without_unit_or_in_another_quantity_is_a_query() -> None:
    assert parse_number("60", units=DOSE_UNITS).reason == "unit_missing"
    assert parse_number("60 GyE", units=DOSE_UNITS).reason == "unknown_unit"
    assert parse_number("60Gy/30F", units=DOSE_UNITS).status == "query"


def test_codes_are_compared_without_case_width_and_blanks() -> None:
    codes = {"SCC": "scc", "鳞癌": "scc", "Adeno carcinoma": "adeno"}
    for text, value in ((" scc ", "scc"), ("ＳＣＣ", "scc"), ("鳞癌", "scc"), ("ADENO  Carcinoma", "adeno")):
        assert make_code_parser(codes)(text).value == value
    assert make_code_parser(codes)("melanoma").reason == "not_in_code_list"
    assert make_code_parser(codes)(" ").status == "blank"


def test_a_list_that_contradicts_itself_is_a_query() -> None:
    assert make_code_parser({"A": "1", "a ": "2"})("a").reason == "ambiguous_code"


def test_normalising_keeps_what_full_nfkc_would_change() -> None:
    assert normalise_text("１５ｍｍ：\u200b ５") == "15mm: 5"
    assert normalise_text("10³ 1½") == "10³ 1½"
    assert normalise_text("㎜") == "mm"


@given(
    texts=st.lists(
        st.one_of(st.none(), st.sampled_from(["2019-03-05", "2019", "x", "", "5/3/2019"])), max_size=30
    )
)
def test_a_column_is_the_parser_value_by_value(texts: list[str | None]) -> None:
    fields = {"value": pl.Date, "precision": pl.String, "status": pl.String, "reason": pl.String}
    series = pl.Series("d", texts, dtype=pl.String)
    distinct = distinct_texts(series)
    assert distinct.texts.n_unique() == len(distinct.texts) and distinct.texts[-1] is None
    frame = parse_texts(distinct.texts, partial(parse_date, day_first=True), fields)[distinct.places]
    expected = [parse_date(text, day_first=True) for text in texts]
    assert frame.schema == fields
    assert frame.rows() == [(r.value, r.precision, r.status, r.reason) for r in expected]


@given(text=st.text(max_size=60))
def test_no_text_raises(text: str) -> None:
    results = [
        parse_number(text),
        parse_number(text, decimal=",", units={"mm": 1}, default_unit="mm"),
        make_code_parser({"a": "b"})(text),
    ]
    assert all((result.status == "query") == (result.reason is not None) for result in results)
