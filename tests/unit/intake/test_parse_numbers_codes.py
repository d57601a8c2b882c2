"""Numbers, doses, codes, booleans, and whole columns of them."""

from __future__ import annotations

from functools import partial

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_pipeline.intake.parsing import (
    PARSERS,
    distinct_texts,
    make_code_parser,
    normalise_text,
    parse_boolean,
    parse_code,
    parse_date,
    parse_dose,
    parse_integer,
    parse_number,
    parse_size,
    parse_texts,
    parser_name,
)

FINITE = st.floats(-1e12, 1e12, allow_nan=False).map(lambda x: round(x, 6))


@given(number=FINITE)
def test_a_number_is_read_back(number: float) -> None:
    text = f"{number:.6f}"
    assert parse_number(text).value == pytest.approx(number)
    assert parse_number(text.replace(".", ","), decimal=",").value == pytest.approx(number)
    assert parse_number(f"{number:,.6f}", thousands=",").value == pytest.approx(number)
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


def test_grouping_must_be_declared_and_right() -> None:
    assert parse_number("12,34", thousands=",").reason == "bad_grouping"
    assert parse_number("1.234,5", decimal=",", thousands=".").value == 1234.5
    assert parse_number("12.5", decimal=",").reason == "undeclared_point"


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
    assert parse_dose(text, unit=unit).value == gray  # type: ignore[arg-type]


def test_a_dose_without_unit_or_in_another_quantity_is_a_query() -> None:
    assert parse_dose("60").reason == "unit_missing"
    assert parse_dose("60 GyE").reason == "unknown_unit"
    assert parse_dose("60Gy/30F").status == "query"


@given(number=st.integers(-(2**63), 2**63 - 1))
def test_integers_keep_all_their_digits(number: int) -> None:
    assert parse_integer(str(number)).value == number


def test_what_is_no_integer() -> None:
    assert parse_integer("12.0").value == 12
    assert parse_integer("12.5").reason == "not_an_integer"
    assert parse_integer("<5").reason == "qualified"
    assert parse_integer(str(2**63)).reason == "out_of_range"
    assert parse_integer("").status == "blank"


def test_codes_are_compared_without_case_width_and_blanks() -> None:
    codes = {"SCC": "scc", "鳞癌": "scc", "Adeno carcinoma": "adeno"}
    for text, value in ((" scc ", "scc"), ("ＳＣＣ", "scc"), ("鳞癌", "scc"), ("ADENO  Carcinoma", "adeno")):
        assert parse_code(text, codes).value == value
        assert make_code_parser(codes)(text).value == value
    assert parse_code("melanoma", codes).reason == "not_in_code_list"
    assert parse_code(" ", codes).status == "blank"


def test_a_list_that_contradicts_itself_is_a_query() -> None:
    assert parse_code("a", {"A": "1", "a ": "2"}).reason == "ambiguous_code"


def test_booleans() -> None:
    assert parse_boolean("是").value is True
    assert parse_boolean("No").value is False
    assert parse_boolean("unknown").reason == "not_in_code_list"
    assert parse_boolean("J", {"J": True, "N": False}).value is True
    assert parse_boolean("yes", {"J": True}).status == "query"


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


def test_parsers_have_the_names_that_coercions_carry() -> None:
    assert {name: parser_name(parser) for name, parser in PARSERS.items()} == {name: name for name in PARSERS}
    assert parser_name(partial(parse_size, unit="mm")) == "size"
    assert parser_name(make_code_parser({})) == "code"


@given(text=st.text(max_size=60))
def test_no_text_raises(text: str) -> None:
    results = [
        parse_number(text),
        parse_number(text, decimal=",", thousands=" ", units={"mm": 1}, default_unit="mm"),
        parse_integer(text),
        parse_dose(text),
        parse_boolean(text),
        parse_code(text, {"a": "b"}),
    ]
    assert all((result.status == "query") == (result.reason is not None) for result in results)
