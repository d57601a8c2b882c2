"""What a parser answers with.

Belongs here: the frozen result classes and their three states.
Does not belong here: reading any text.

``ok``: understood. ``blank``: nothing was stated. ``query``: cannot be understood without guessing; the
``reason`` is a code, never a piece of the text, so it may go into logs and findings.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

Status = Literal["ok", "blank", "query"]
DatePrecision = Literal["day", "month", "year"]
Qualifier = Literal["=", "<", ">", "~"]
SizeQualifier = Literal["=", "<", ">", "~", "range"]


class Parsed(Protocol):
    """What every result has."""

    @property
    def status(self) -> Status:
        """Whether the text was understood."""

    @property
    def reason(self) -> str | None:
        """Why not, as a code."""


@dataclass(frozen=True)
class ParsedDate:
    """A calendar date known to the day, month or year; ``lower`` and ``upper`` are its true bounds.

    ``value`` represents a partial date by its middle: day 15 of a month, 1 July of a year.
    """

    value: date | None
    precision: DatePrecision | None
    lower: date | None
    upper: date | None
    status: Status
    reason: str | None = None


@dataclass(frozen=True)
class ParsedNumber:
    """A number in the base unit; ``qualifier`` says whether it is the value or a bound of it."""

    value: float | None
    qualifier: Qualifier | None
    status: Status
    reason: str | None = None
    unit: str | None = None


@dataclass(frozen=True)
class ParsedCode:
    """A code of ours."""

    value: str | None
    status: Status
    reason: str | None = None


@dataclass(frozen=True)
class ParsedSize:
    """A lesion's size in mm, largest axis first.

    Axes are filled only for a stated size (``=`` or ``~``). For ``<``, ``>`` and ``range`` the axes stay
    None and ``lower_mm``/``upper_mm`` hold what is known of the axis in ``axis_reported`` (the long axis
    when it is None), so that a bound is never taken for a measurement. ``lower_mm`` and ``upper_mm`` equal
    the reported axis otherwise. ``axis_reported`` is set only when the text names the axis.
    """

    long_axis_mm: float | None
    short_axis_mm: float | None
    third_mm: float | None
    lower_mm: float | None
    upper_mm: float | None
    qualifier: SizeQualifier | None
    axis_reported: Literal["long", "short"] | None
    suvmax: float | None
    status: Status
    reason: str | None = None
    is_multiple: bool = False
