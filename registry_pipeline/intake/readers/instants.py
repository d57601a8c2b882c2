"""Columns of moments that are all midnight somewhere else.

Belongs here: finding such columns while a file is read. Does not belong here: zones (``parsing/instants.py``).
"""

from __future__ import annotations

import polars as pl

_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([0-9]{2}:(?:00|30|45))(?::00(?:[.,]0+)?)? ?(Z|z|(?:UTC|GMT)?[+-]00(?::?00)?|UTC|GMT)?$"
_LEAST_WITHOUT_ZONE = 3
"""Without an offset a moment is local time; only several of one late hour make that doubtful."""


def midnights_elsewhere(frame: pl.DataFrame) -> dict[str, tuple[str, bool]]:
    """Column -> the hour at which all its moments stand, and whether they say that they are universal time.

    Two hours next to each other are one midnight in summer and in winter.
    """
    midnights = {}
    for name in frame.columns:
        series = frame[name]
        first = series.first(ignore_nulls=True)
        if not isinstance(first, str) or len(first) < 16 or first[4] != "-" or first[10] not in "T ":
            continue
        parts = series.drop_nulls().str.strip_chars().str.extract_groups(_MOMENT).struct.unnest()
        clocks = sorted(parts["1"].unique().to_list(), key=str)
        if None in clocks or not _is_one_midnight(clocks):
            continue
        is_utc = parts["2"].null_count() == 0
        is_late = all(clock >= "13" for clock in clocks)
        if is_utc or (is_late and len(parts) >= _LEAST_WITHOUT_ZONE):
            midnights[name] = (" and ".join(clocks), is_utc)
    return midnights


def _is_one_midnight(clocks: list[str]) -> bool:
    minutes = [int(clock[:2]) * 60 + int(clock[3:]) for clock in clocks]
    if 0 in minutes or len(minutes) > 2:
        return False
    return len(minutes) == 1 or minutes[1] - minutes[0] == 60


def offset_of(clock: str) -> str:
    """The offset at which an hour of universal time is midnight: 16:00 is ``+08:00``, 05:00 is ``-05:00``."""
    hours, minutes = int(clock[:2]), int(clock[3:5])
    total = hours * 60 + minutes
    sign, size = ("-", total) if hours < 12 else ("+", 24 * 60 - total)
    return f"{sign}{size // 60:02d}:{size % 60:02d}"
