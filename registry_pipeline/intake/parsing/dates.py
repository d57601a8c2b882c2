"""Dates as people write them, to a calendar date with its precision.

Belongs here: forms of dates. Does not belong here: whether a date is plausible (rules judge that), nor
words that mean 'missing' (the facility's mapping takes those out first).
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Literal

from registry_pipeline.intake.parsing.months import month_number
from registry_pipeline.intake.parsing.result import ParsedDate
from registry_pipeline.intake.parsing.text import normalise_text

_MAX_DATE_CHARS = 64
_ZONE = r"(?:Z|UTC|GMT|(?:UTC|GMT)?[+-][0-9]{2}(?::?[0-9]{2})?)"
_TIME = re.compile(
    r"(?:[T ]|(?<=[日号號])|(?<=[0-9]):)([0-9]{1,2})(?::|[时時點点])([0-9]{2})"
    r"(?:分(?:[0-9]{1,2}秒?)?|:([0-9]{2})(?:[.,][0-9]{1,9})?)?"
    rf" ?(?:[AaPp]\.?[Mm]\.?)? ?(?:{_ZONE})?(?: ?(?:\[[\w/+-]+\]|\([\w /+-]+\)))?$"
)
_WEEKDAY = re.compile(
    r"^(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*|(?:lun|mar|mer|jeu|ven|sam)[a-z]*di|dimanche"
    r"|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|星期[一二三四五六日天])[.,]* |"
    r" ?\(?(?:星期|周|週)[一二三四五六日天]\)?$",
    re.IGNORECASE,
)
_YMD = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})")
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_COMPACT_TIME = re.compile(
    rf"([0-9]{{8}})T?(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9](?:[.,][0-9]{{1,9}})?)?(?:{_ZONE})?"
)
_MINGUO = re.compile(r"民[国國] ?([0-9]{1,3}|元) ?(?=年)")
_FIRST_MINGUO_YEAR = 1912
_CHINESE = re.compile(r"([0-9]{4}) ?年(?: ?([0-9]{1,2}) ?月份?(?: ?([0-9]{1,2}) ?[日号號]?)?)?")
_DMY = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})")
_SHORT_YEAR = re.compile(r"[0-9]{1,2}([-/.])[0-9]{1,2}\1[0-9]{2}")
_YM = re.compile(r"([0-9]{4})([-/])([0-9]{1,2})|((?:1[89]|2[01])[0-9]{2})(\.)([0-9]{1,2})")
_MY = re.compile(r"([0-9]{1,2})[-/.]([0-9]{4})")
_YEAR = re.compile(r"(?:1[89]|2[01])[0-9]{2}")
_SERIAL = re.compile(r"([0-9]{1,5})(?:\.[0-9]+)?")
_MONTH_WORD = r"(?P<m>[^\W\d_]{3,})"
_NAMED = tuple(
    re.compile(pattern.replace("{m}", _MONTH_WORD))
    for pattern in (
        r"(?P<d>[0-9]{1,2})(?:st|nd|rd|th|er|º|\.)?[ ./-]*(?:of |de )?{m}[ .,/-]*(?:de |del )?(?P<y>[0-9]{4}|[0-9]{2})",
        r"{m}[ .-]*(?P<d>[0-9]{1,2})(?:st|nd|rd|th)?(?:,? )(?P<y>[0-9]{4})",
        r"(?P<y>[0-9]{4})[ ./-]*{m}[ ./-]*(?P<d>[0-9]{1,2})?",
        r"{m}[ .,/-]*(?:de |del )?(?P<y>[0-9]{4}|[0-9]{2})",
    )
)
_BLANK = ParsedDate(None, None, None, None, "blank")

Epoch = Literal["1900", "1904"]


def parse_date(
    text: str | None,
    formats: Sequence[str] = (),
    day_first: bool | None = None,
    excel_serial: Epoch | None = None,
    year_cutoff: int | None = None,
) -> ParsedDate:
    """Read one date.

    Args:
        text: as received.
        formats: declared ``strptime`` formats, tried first; ``%d`` before ``%m`` also declares day first.
        day_first: how ``05/03/2019`` is meant. Undeclared, a pair that could be both is a query (rule S12).
        excel_serial: the workbook's epoch where plain numbers are declared to be Excel dates. Undeclared, a
            five-digit number is a query (rule S11). A four-digit number is a year in either case.
        year_cutoff: the first of the hundred years that years of two digits lie in. Undeclared, they are a query.

    Returns:
        Reasons of a query: not_a_date, impossible_date, other_order, placeholder_part, ambiguous_day_month,
        ambiguous_month, ambiguous_six_digits, two_digit_year, looks_like_excel_serial, text_too_long.
    """
    if text is not None and len(text) > 4 * _MAX_DATE_CHARS:
        return _query("text_too_long")
    plain = normalise_text(text)
    if not plain:
        return _BLANK
    declared = _declared(plain, formats, year_cutoff)
    if declared is not None:
        return declared
    plain = _western_year(_without_time(_WEEKDAY.sub("", plain)))
    parsed = _read(plain, _order(formats, day_first), excel_serial)
    if year_cutoff is None or parsed.reason != "two_digit_year":
        return parsed
    year = _in_hundred_years(int(plain[-2:]), year_cutoff)
    return _read(f"{plain[:-2]}{year}", _order(formats, day_first), None)


def _read(plain: str, day_first: bool | None, epoch: Epoch | None) -> ParsedDate:
    if match := _YMD.fullmatch(plain) or _CHINESE.fullmatch(plain):
        parts = [int(part) for part in match.groups() if part and part.isdigit()]
        return _ordered(*parts) if len(parts) == 3 else _build(*parts)
    if match := _DMY.fullmatch(plain):
        return _day_month(int(match[1]), int(match[3]), int(match[4]), match[2], day_first)
    if match := _YM.fullmatch(plain):
        year, mark, month = (part for part in match.groups() if part is not None)
        # a cell 2019.10 that passed through a number comes out as 2019.1
        return _query("ambiguous_month") if mark + month == ".1" else _build(int(year), int(month))
    if match := _MY.fullmatch(plain):
        return _build(int(match[2]), int(match[1]))
    if _SHORT_YEAR.fullmatch(plain):
        return _query("two_digit_year")
    return _digits_only(plain, epoch) or _named(plain) or _query("not_a_date")


def _digits_only(plain: str, epoch: Epoch | None) -> ParsedDate | None:
    if match := _COMPACT.fullmatch(plain):
        year = int(match[1])
        is_year = 1800 <= year <= 2199 or year in (0, 9999)
        return _build(year, int(match[2]), int(match[3])) if is_year else _query("not_a_date")
    if _YEAR.fullmatch(plain):
        return _build(int(plain))
    if plain in ("0000", "9999"):
        return _query("placeholder_part")
    if re.fullmatch(r"[0-9]{6}", plain):
        return _query("ambiguous_six_digits")
    if match := _SERIAL.fullmatch(plain):
        if epoch is not None:
            return _from_serial(int(match[1]), epoch)
        return _query("looks_like_excel_serial" if len(match[1]) == 5 else "not_a_date")
    return None


def _from_serial(serial: int, epoch: Epoch) -> ParsedDate:
    """Excel's day count; the 1900 system has a 29 February 1900 that never was (day 60)."""
    if serial < 1 or (epoch == "1900" and serial == 60):
        return _query("impossible_date")
    origin = date(1904, 1, 1) if epoch == "1904" else date(1899, 12, 31 if serial < 60 else 30)
    day = origin + timedelta(days=serial)
    return ParsedDate(day, "day", day, day, "ok")


def _day_month(first: int, second: int, year: int, mark: str, day_first: bool | None) -> ParsedDate:
    if day_first is None and mark == ".":
        day_first = True
    if day_first is None:
        if max(first, second) <= 12 and first != second and min(first, second) > 0:
            return _query("ambiguous_day_month")
        day_first = first > 12 or first == second
    day, month = (first, second) if day_first else (second, first)
    return _ordered(year, month, day)


def _ordered(year: int, month: int, day: int) -> ParsedDate:
    """A day, or that its day and month stand in the other order."""
    parsed = _build(year, month, day)
    if parsed.reason == "impossible_date" and month > 12 and _build(year, day, month).status == "ok":
        return _query("other_order")
    return parsed


def _named(plain: str) -> ParsedDate | None:
    for pattern in _NAMED:
        match = pattern.fullmatch(plain)
        month = month_number(match["m"]) if match else None
        if match is None or month is None:
            continue
        if len(match["y"]) != 4:
            return _query("two_digit_year")
        day = match.groupdict().get("d")
        return _build(int(match["y"]), month, *([int(day)] if day else []))
    return None


def _build(year: int, month: int | None = None, day: int | None = None) -> ParsedDate:
    if year in (0, 9999) or month in (0, 88, 99) or day in (0, 88, 99):
        return _query("placeholder_part")
    try:
        if month is None:
            return ParsedDate(date(year, 7, 1), "year", date(year, 1, 1), date(year, 12, 31), "ok")
        if day is None:
            last = date(year, month, calendar.monthrange(year, month)[1])
            return ParsedDate(date(year, month, 15), "month", date(year, month, 1), last, "ok")
        value = date(year, month, day)
    except ValueError:
        return _query("impossible_date")
    return ParsedDate(value, "day", value, value, "ok")


def _western_year(plain: str) -> str:
    """``民國108年`` is 2019年."""
    return _MINGUO.sub(lambda match: str(_FIRST_MINGUO_YEAR - 1 + int(match[1].replace("元", "1"))), plain)


def _without_time(plain: str) -> str:
    if match := _COMPACT_TIME.fullmatch(plain):
        return match[1]
    match = _TIME.search(plain)
    if match is None or int(match[1]) > 24 or int(match[2]) > 59:
        return plain
    return plain[: match.start()].strip()


def _order(formats: Sequence[str], day_first: bool | None) -> bool | None:
    """Declared formats that name both also say which comes first."""
    if day_first is not None:
        return day_first
    orders = {
        f.index("%d") < f.index("%m") for f in formats if "%d" in f and "%m" in f and not f.startswith("%Y")
    }
    return orders.pop() if len(orders) == 1 else None


def _declared(plain: str, formats: Sequence[str], year_cutoff: int | None) -> ParsedDate | None:
    for form in formats:
        try:
            day = datetime.strptime(plain, form).date()
        except (ValueError, re.error, OverflowError):
            continue
        year = day.year
        if year_cutoff is not None and has_short_year(form):
            year = _in_hundred_years(year, year_cutoff)
        if any(mark in form for mark in ("%d", "%j", "%x", "%c")):
            return _build(year, day.month, day.day)
        has_month = any(mark in form for mark in ("%m", "%b", "%B"))
        return _build(year, day.month) if has_month else _build(year)
    return None


@cache
def has_short_year(form: str) -> bool:
    """Whether a format writes years with two digits, of which Python makes the years 1969 to 2068."""
    day = datetime(1931, 12, 31)
    return datetime.strptime(day.strftime(form), form).year == 2031


def _in_hundred_years(year: int, first: int) -> int:
    return first + (year - first) % 100


def _query(reason: str) -> ParsedDate:
    return ParsedDate(None, None, None, None, "query", reason)
