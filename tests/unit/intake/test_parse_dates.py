"""Dates: every supported form is read back, every doubtful one is a query."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_pipeline.intake.parsing import parse_date

DATES = st.dates(date(1850, 1, 1), date(2150, 12, 31))
DAY_FORMS = [
    "{y:04d}-{m:02d}-{d:02d}", "{y:04d}{m:02d}{d:02d}", "{y}/{m}/{d}", "{y}-{m}-{d}", "{y}.{m:02d}.{d:02d}",
    "{d}.{m}.{y}", "{d:02d}.{m:02d}.{y}", "{y}年{m}月{d}日", "{y}年{m:02d}月{d:02d}日", "{y} 年 {m} 月 {d} 日",
    "{d} {en} {y}", "{en} {d}, {y}", "{d:02d}-{en}-{y}", "{d} {fr} {y}", "{d}. {de} {y}", "{y} {en} {d}",
    "{y:04d}-{m:02d}-{d:02d}T23:59:59Z", "{y:04d}-{m:02d}-{d:02d}T00:00:00.000+08:00",
    "{y:04d}-{m:02d}-{d:02d} 00:00:00", "{y}/{m}/{d} 9:05", "  {y:04d}-{m:02d}-{d:02d}  ",
    "{y:04d}-{m:02d}-{d:02d} 13:45:00+08", "{y:04d}-{m:02d}-{d:02d} 13:45:00.123456 UTC", "{y}年{m}月{d}日13时45分30秒",
    "{y}年{m}月{d}日 13點45分", "{d:02d}{EN}{y}", "{d:02d}{EN}{y}:13:45:00.000", "{d}/{en}/{y}", "{y}-{en}-{d:02d}",
    "{y:04d}{m:02d}{d:02d}134500", "{y:04d}{m:02d}{d:02d}T1345+0800", "{d} de {es} de {y}", "Fri, {d} {en} {y} 13:45:00 GMT",
    "{y:04d}-{m:02d}-{d:02d}T13:45:00+08:00[Asia/Shanghai]", "{y}年{m}月{d}日 星期五", "{y:04d}-{m:02d}-{d:02d} (周五)",
]  # fmt: skip
MONTH_FORMS = [
    "{y}-{m:02d}",
    "{m:02d}/{y}",
    "{y}年{m}月",
    "{y}年{m}月份",
    "{en} {y}",
    "{fr} {y}",
    "{de} {y}",
    "{EN}{y}",
    "{y} {en}",
    "{es} de {y}",
]
ENGLISH = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
FRENCH = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
]
GERMAN = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
]
SPANISH = (
    ["enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"]
)  # fmt: skip
WIDE = str.maketrans("0123456789-/.", "０１２３４５６７８９－／．")


def written(form: str, day: date) -> str:
    names = {"en": ENGLISH[day.month - 1], "fr": FRENCH[day.month - 1], "de": GERMAN[day.month - 1]}
    names |= {"EN": names["en"].upper(), "es": SPANISH[day.month - 1]}
    return form.format(y=day.year, m=day.month, d=day.day, **names)


@given(day=DATES, form=st.sampled_from(DAY_FORMS), wide=st.booleans())
def test_a_day_in_any_form_is_read_back(day: date, form: str, wide: bool) -> None:
    text = written(form, day)
    parsed = parse_date(text.translate(WIDE) if wide and ":" not in text else text)
    assert (parsed.status, parsed.value, parsed.precision) == ("ok", day, "day")
    assert parsed.lower == parsed.upper == day


@given(day=DATES, form=st.sampled_from(MONTH_FORMS))
def test_a_month_keeps_its_precision_and_its_bounds(day: date, form: str) -> None:
    parsed = parse_date(written(form, day))
    assert parsed.precision == "month"
    assert parsed.value == day.replace(day=15)
    assert parsed.lower is not None and parsed.upper is not None
    assert parsed.lower == day.replace(day=1)
    assert parsed.lower <= day <= parsed.upper
    assert (parsed.upper.month, (parsed.upper + timedelta(days=1)).day) == (day.month, 1)


@given(day=DATES, form=st.sampled_from(["{y}", "{y}年"]))
def test_a_year_keeps_its_precision_and_its_bounds(day: date, form: str) -> None:
    parsed = parse_date(written(form, day))
    assert (parsed.precision, parsed.value) == ("year", date(day.year, 7, 1))
    assert (parsed.lower, parsed.upper) == (date(day.year, 1, 1), date(day.year, 12, 31))


@given(day=DATES, mark=st.sampled_from("/-"))
def test_day_and_month_are_never_guessed(day: date, mark: str) -> None:
    day_first = f"{day.day:02d}{mark}{day.month:02d}{mark}{day.year}"
    month_first = f"{day.month:02d}{mark}{day.day:02d}{mark}{day.year}"
    assert parse_date(day_first, day_first=True).value == day
    assert parse_date(month_first, day_first=False).value == day
    assert parse_date(day_first, formats=(f"%d{mark}%m{mark}%Y",)).value == day
    assert parse_date(month_first, formats=(f"%m{mark}%d{mark}%Y",)).value == day
    undeclared = parse_date(day_first)
    if day.day <= 12 and day.day != day.month:
        assert (undeclared.status, undeclared.reason) == ("query", "ambiguous_day_month")
    else:
        assert undeclared.value == day


def test_a_declared_order_is_not_turned_round_where_it_does_not_fit() -> None:
    assert parse_date("05/13/2019", formats=("%d/%m/%Y",)).reason == "other_order"
    assert parse_date("13/05/2019", day_first=False).reason == "other_order"
    assert parse_date("2019-13-05").reason == "other_order"
    assert parse_date("32/13/2019", day_first=True).reason == "impossible_date"


@pytest.mark.parametrize(
    ("text", "day"), [("民國108年3月5日", date(2019, 3, 5)), ("民国元年1月1日", date(1912, 1, 1))]
)
def test_years_of_the_republic(text: str, day: date) -> None:
    assert parse_date(text).value == day


@given(day=st.dates(date(1900, 3, 1), date(2150, 1, 1)))
def test_excel_serials_are_read_only_where_declared(day: date) -> None:
    serial_1900 = (day - date(1899, 12, 30)).days
    assert parse_date(str(serial_1900).zfill(5)).reason == "looks_like_excel_serial"
    if not 1800 <= serial_1900 <= 2199:
        assert parse_date(str(serial_1900), excel_serial="1900").value == day
        assert parse_date(f"{serial_1900}.75", excel_serial="1900").value == day
    if day > date(1911, 1, 1):
        assert parse_date(str((day - date(1904, 1, 1)).days), excel_serial="1904").value == day


def test_the_day_that_excel_invented_is_no_date() -> None:
    assert parse_date("60", excel_serial="1900").reason == "impossible_date"
    assert parse_date("59", excel_serial="1900").value == date(1900, 2, 28)
    assert parse_date("61", excel_serial="1900").value == date(1900, 3, 1)


@pytest.mark.parametrize(
    "text, reason",
    [
        ("0000-00-00", "placeholder_part"),
        ("2019-00-05", "placeholder_part"),
        ("2019-99-99", "placeholder_part"),
        ("20190399", "placeholder_part"),
        ("88/88/2019", "placeholder_part"),
        ("9999", "placeholder_part"),
        ("9999-12-31", "placeholder_part"),
        ("2019-02-30", "impossible_date"),
        ("2019-13-01", "other_order"),
        ("2019-13-32", "impossible_date"),
        ("29.02.2019", "impossible_date"),
        ("5/3/19", "two_digit_year"),
        ("Mar 19", "two_digit_year"),
        ("201903", "ambiguous_six_digits"),
        ("2019.1", "ambiguous_month"),
        ("unknown", "not_a_date"),
        ("2019-03-05 or 06", "not_a_date"),
        ("123", "not_a_date"),
        ("x" * 1_000_000, "text_too_long"),
        ("٢٠١٩-٠٣-٠٥", "not_a_date"),
        ("2019-03-05\n2019-03-06", "not_a_date"),
    ],
)
def test_what_cannot_be_understood_is_a_query(text: str, reason: str) -> None:
    parsed = parse_date(text)
    assert (parsed.status, parsed.reason, parsed.value, parsed.lower) == ("query", reason, None, None)


@given(
    day=st.dates(date(1800, 1, 1), date(2099, 12, 31)),
    form=st.sampled_from(["%d.%m.%y", "%d/%m/%y", "%m-%d-%y", "%d-%b-%y", "%d%m%y", "%b %y", "%x"]),
    is_declared=st.booleans(),
)
def test_a_year_of_two_digits_lies_in_the_hundred_years_that_are_declared(
    day: date, form: str, is_declared: bool
) -> None:
    """By Python's own reading women who were born before 1969 would be born after today."""
    formats = (form,) if is_declared or form in ("%d%m%y", "%x") else ()
    day_first = None if formats else form.startswith("%d")
    for cutoff in (day.year, day.year - 99):
        parsed = parse_date(day.strftime(form), formats=formats, day_first=day_first, year_cutoff=cutoff)
        assert parsed.lower is not None and parsed.lower <= day <= parsed.upper, parsed
    assert "%d" not in form or parsed.value == day


@pytest.mark.parametrize("text", [None, "", "  ", "\u3000", "\u200b"])
def test_nothing_is_blank(text: str | None) -> None:
    assert parse_date(text).status == "blank"


@given(text=st.text(max_size=80), formats=st.lists(st.text(alphabet="%dmYbyHq-/.", max_size=8), max_size=2))
def test_no_text_and_no_format_raises(text: str, formats: list[str]) -> None:
    parsed = parse_date(text, formats=formats, excel_serial="1904", year_cutoff=1930)
    assert parsed.status in {"ok", "blank", "query"}
    assert (parsed.status == "query") == (parsed.reason is not None)
    if parsed.value is not None:
        assert parsed.lower is not None and parsed.upper is not None
        assert parsed.lower <= parsed.value <= parsed.upper
