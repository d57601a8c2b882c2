"""The days that a text may mean which could not be read as one.

Belongs here: every reading of a text that ``dates.py`` put up as a query. Does not belong here: choosing one of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from registry_pipeline.intake.parsing.dates import Epoch, parse_date
from registry_pipeline.intake.parsing.result import ParsedDate
from registry_pipeline.intake.parsing.text import normalise_text

EARLIEST = date(1900, 1, 1)
_EPOCHS: tuple[Epoch, ...] = ("1900", "1904")
_SHORT_YEAR = re.compile(r"(?<![0-9])([0-9]{2})\Z")
_YEAR_FIRST = re.compile(
    r"([0-9]{4})[-/.]?([0-9]{2})[-/.]?([0-9]{2})(?:[T ].*)?|([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})"
)
_YEAR_LAST = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})")
_SIX = (r"\A(?P<y>(?:19|20)[0-9]{2})(?P<m>[0-9]{2})\Z", r"\A(?P<s>[0-9]{2})(?P<m>[0-9]{2})(?P<d>[0-9]{2})\Z",
        r"\A(?P<d>[0-9]{2})(?P<m>[0-9]{2})(?P<s>[0-9]{2})\Z", r"\A(?P<m>[0-9]{2})(?P<d>[0-9]{2})(?P<s>[0-9]{2})\Z")  # fmt: skip


def other_dates(text: str, reason: str, last: date, day_first: bool | None = None) -> list[str]:
    """Every day (or month, or year) that a text may mean, as YYYY-MM-DD, YYYY-MM or YYYY; none after ``last``.

    Args:
        text: as received.
        reason: why :func:`.dates.parse_date` could not read it.
        last: the last possible day.
        day_first: how the source declares ``05/03/2019``.
    """
    plain = normalise_text(text)
    readings = _READINGS.get(reason, lambda _text, _day_first: ())
    possible = (
        parsed
        for parsed in readings(plain, day_first)
        if parsed.status == "ok" and parsed.lower is not None and EARLIEST <= parsed.lower <= last
    )
    return sorted({written for parsed in possible if (written := _written(parsed)) is not None})


def _written(parsed: ParsedDate) -> str | None:
    form = {"day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}.get(parsed.precision or "")
    return parsed.value.strftime(form) if form and parsed.value else None


def _both_orders(text: str, _: bool | None) -> Iterator[ParsedDate]:
    yield from (parse_date(text, day_first=is_first) for is_first in (True, False))


def _exchanged(text: str, _: bool | None) -> Iterator[ParsedDate]:
    """Day and month in the other order."""
    if match := _YEAR_FIRST.fullmatch(text):
        year, day, month = (part for part in match.groups() if part is not None)
        yield parse_date(f"{year}-{month}-{day}")
    else:
        yield from _both_orders(text, None)


def _day_numbers(text: str, _: bool | None) -> Iterator[ParsedDate]:
    yield from (parse_date(text, excel_serial=epoch) for epoch in _EPOCHS)


def _centuries(text: str, day_first: bool | None) -> Iterator[ParsedDate]:
    if match := _SHORT_YEAR.search(text):
        orders = (True, False) if day_first is None else (day_first,)
        for century in ("19", "20"):
            whole = text[: match.start()] + century + match[1]
            yield from (parse_date(whole, day_first=is_first) for is_first in orders)


def _months(text: str, _: bool | None) -> Iterator[ParsedDate]:
    year = text.partition(".")[0]
    yield from (parse_date(f"{year}-{month}") for month in ("01", "10"))


def _six_digits(text: str, _: bool | None) -> Iterator[ParsedDate]:
    for pattern in _SIX:
        if match := re.match(pattern, text):
            parts = match.groupdict()
            years = [parts["y"]] if "y" in parts else [f"{century}{parts['s']}" for century in ("19", "20")]
            day = f"-{parts['d']}" if "d" in parts else ""
            yield from (parse_date(f"{year}-{parts['m']}{day}") for year in years)


def _without_day(text: str, day_first: bool | None) -> Iterator[ParsedDate]:
    """As much of a day that cannot be as is one: its month, else its year."""
    if match := _YEAR_FIRST.fullmatch(text):
        year, month = [part for part in match.groups() if part is not None][:2]
    elif (match := _YEAR_LAST.fullmatch(text)) and day_first is not None:
        year, month = match[3], match[2] if day_first else match[1]
    else:
        return
    parsed = parse_date(f"{year}-{int(month):02d}")
    yield parsed if parsed.status == "ok" else parse_date(year)


_READINGS = {
    "ambiguous_day_month": _both_orders,
    "other_order": _exchanged,
    "looks_like_excel_serial": _day_numbers,
    "two_digit_year": _centuries,
    "ambiguous_month": _months,
    "ambiguous_six_digits": _six_digits,
    "impossible_date": _without_day,
    "placeholder_part": _without_day,
}
