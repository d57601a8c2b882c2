"""Dates and times of Stata, SPSS and SAS: a number and the format in which it is displayed, to text.

Belongs here: families of display formats, what their numbers count, and as much of a date as they show.
Does not belong here: reading files (``statistical.py``).

Sources: Stata manual [D] Datetime display formats; IBM SPSS Statistics, Date and time variable formats; SAS Formats
and Informats Reference. A format is known by its family, whatever width or pattern follows, and by its whole name,
for names that only begin alike are somebody's own. What cannot be a date is shown as the number that it is with
its format, which no reader of dates takes for one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

Unit = Literal["day", "second", "millisecond", "week", "month", "quarter", "half", "year", "clock"]
Shown = Literal["moment", "month", "quarter", "week", "year"]

_STATA = re.compile(r"%-?0?[0-9]*(?:t([cCdwmqhy])|(d)(?![a-zA-Z]*[fgex])).*", re.S)
_STATA_UNITS: dict[str, Unit] = {
    "c": "millisecond", "C": "millisecond", "d": "day", "w": "week", "m": "month", "q": "quarter", "h": "half",
    "y": "year",
}  # fmt: skip
_NAME = re.compile(r"([A-Z$][A-Z0-9_$]*?)[0-9]*(?:\.[0-9]*)?")
_SPSS: dict[str, tuple[Unit, Shown]] = {
    **dict.fromkeys(("DATE", "ADATE", "EDATE", "JDATE", "SDATE", "DATETIME", "YMDHMS"), ("second", "moment")),
    **dict.fromkeys(("TIME", "DTIME", "MTIME"), ("clock", "moment")),
    "MOYR": ("second", "month"),
    "QYR": ("second", "quarter"),
    "WKYR": ("second", "week"),
}
_SAS_FAMILIES: tuple[tuple[str, Unit, Shown], ...] = (
        (r"DTMONYY|NLDATMYM", "second", "month"),
        (r"DTYYQC?|NLDATMYQ", "second", "quarter"),
        (r"DTYEAR|NLDATMYR", "second", "year"),
        (
            r"DATETIME|DATEAMPM|MDYAMPM|DTDATE|DTWKDATX|NLDATM[A-Z]*|[EB]8601(?:DT|DN|DZ|DX|LX)|IS8601(?:DT|DN|DZ)"
            r"|[A-Z]{3}DFDT",
            "second", "moment",
        ),
        (r"TIME|TIMEAMPM|HHMM|HOUR|MMSS|TOD|NLTIM[A-Z]*|[EB]8601(?:TM|TZ|TX|LZ)|IS8601(?:TM|TZ|LZ)", "clock", "moment"),
        (r"MONYY|YYMM[CDNPS]?|MMYY[CDNPS]?|YYMON|MONNAME|MONTH|NLDATEYM|NLDATEMN|[A-Z]{3}DF(?:MY|MN)", "day", "month"),
        (r"YYQR?[CDNPSZ]?|QTRR?|NLDATEYQ", "day", "quarter"),
        (r"YEAR|NLDATEYR", "day", "year"),
        (
            r"DATE|(?:DDMMYY|MMDDYY|YYMMDD)[BCDNPS]?|WEEKDAT[EX]|WORDDAT[EX]|JULIAN|JULDAY|PDJUL[GI]|MINGUO|NENGO"
            r"|HEBDATE|HDATE|[EB]8601DA|IS8601DA|NLDATE[A-Z]*|DAY|DOWNAME|WEEKDAY|WEEK[UVW]|[A-Z]{3}DF(?:DD|DE|DN|DWN|WDX|WKX)",
            "day", "moment",
        ),
)  # fmt: skip
_SAS = tuple((re.compile(pattern), unit, shown) for pattern, unit, shown in _SAS_FAMILIES)
_SPSS_ORIGIN, _OTHER_ORIGIN = datetime(1582, 10, 14), datetime(1960, 1, 1)
_STEP = {
    "day": timedelta(days=1),
    "second": timedelta(seconds=1),
    "millisecond": timedelta(milliseconds=1),
}


@dataclass(frozen=True)
class DateFormat:
    """How the numbers of a column are dates.

    Attributes:
        unit: what they count. origin: from when. shown: as much of a date as the format shows.
        code: the format as declared.
    """

    unit: Unit
    origin: datetime
    shown: Shown
    code: str


def date_format(kind: str, code: str | None) -> DateFormat | None:
    """The family of a display format of ``stata``, ``spss``, ``sas`` or ``xport``; None for other numbers."""
    if not code:
        return None
    if kind == "stata":
        match = _STATA.fullmatch(code)
        unit = _STATA_UNITS[match[1] or match[2]] if match else None
        return None if unit is None else DateFormat(unit, _OTHER_ORIGIN, "moment", code)
    name = _NAME.fullmatch(code.strip().upper())
    if name is None:
        return None
    if kind == "spss":
        unit_shown = _SPSS.get(name[1])
        return None if unit_shown is None else DateFormat(unit_shown[0], _SPSS_ORIGIN, unit_shown[1], code)
    for pattern, unit, shown in _SAS:
        if pattern.fullmatch(name[1]):
            return DateFormat(unit, _OTHER_ORIGIN, shown, code)
    return None


def date_text(value: float, form: DateFormat) -> str:
    """A number of a column of dates as text: ISO where it is a date, a month or a year.

    Weeks, quarters and halves are written as such, for a reader of dates to ask about.
    """
    try:
        if form.unit == "clock":
            return _clock(value)
        if form.unit in _STEP:
            return _moment(form.origin + value * _STEP[form.unit], form.shown)
        return _period(value, form.unit)
    except (OverflowError, ValueError):
        return f"{value:.15g} ({form.code})"


def _moment(moment: datetime, shown: Shown) -> str:
    """A day in full where it is not the first of what is shown: then the format hides what somebody entered."""
    day = moment.date()
    if moment != datetime.combine(day, datetime.min.time()):
        return moment.isoformat(sep=" ")
    if shown == "month" and day.day == 1:
        return f"{day:%Y-%m}"
    if shown == "year" and (day.month, day.day) == (1, 1):
        return f"{day.year:04d}"
    if shown == "quarter" and day.day == 1 and day.month % 3 == 1:
        return f"{day.year:04d} Q{(day.month + 2) // 3}"
    n_days = (day - date(day.year, 1, 1)).days
    if shown == "week" and n_days % 7 == 0:
        return f"{day.year:04d} W{n_days // 7 + 1:02d}"
    return day.isoformat()


def _period(value: float, unit: Unit) -> str:
    """Stata's own counts of periods from 1960; a year is itself, and each has 52 weeks."""
    number = int(value)
    if number != value:
        raise ValueError
    n_parts = {"week": 52, "month": 12, "quarter": 4, "half": 2, "year": 1}[unit]
    year, part = divmod(number, n_parts)
    year += 0 if unit == "year" else 1960
    if not 1 <= year <= 9999:
        raise ValueError
    if unit == "year":
        return f"{year:04d}"
    letter = {"week": " W", "month": "-", "quarter": " Q", "half": " H"}[unit]
    return f"{year:04d}{letter}{part + 1:0{2 if unit in ('week', 'month') else 1}d}"


def _clock(seconds: float) -> str:
    """A time of day or a length of time."""
    minutes, rest = divmod(abs(seconds), 60)
    hours, minutes = divmod(int(minutes), 60)
    sign = "-" if seconds < 0 else ""
    return f"{sign}{hours:02d}:{minutes:02d}:{rest:06.3f}".removesuffix(".000")
