"""Moments that a system wrote in universal time, to the day that the facility's calendar showed.

Belongs here: what an instant looks like, its local text. Does not belong here: dates (``dates.py``).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_INSTANT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[T ](?P<clock>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:[.,][0-9]{1,9})? ?"
    r"(?P<zone>Z|z|(?:UTC|GMT)?(?P<sign>[+-])(?P<hours>[0-9]{2})(?::?(?P<minutes>[0-9]{2}))?|UTC|GMT)?"
)


def as_local(text: str | None, zone: tzinfo | None, times_are_utc: bool = False) -> str | None:
    """A moment as the clocks of a zone showed it: its day, with the time where that was not midnight.

    Args:
        text: as received; everything but an instant is given back as it is.
        zone: the facility's; None where it declares none.
        times_are_utc: whether a moment without an offset is one of universal time; else it is local already.
    """
    match = _INSTANT.fullmatch(text.strip()) if text is not None and zone is not None else None
    if match is None or not (match["zone"] or times_are_utc):
        return text
    clock = match["clock"] if len(match["clock"]) == 8 else match["clock"] + ":00"
    try:
        moment = datetime.fromisoformat(f"{match['day']}T{clock}").replace(tzinfo=_offset(match))
        local = moment.astimezone(zone)
    except (ValueError, OverflowError):
        return text
    is_midnight = (local.hour, local.minute, local.second) == (0, 0, 0)
    return f"{local:%Y-%m-%d}" if is_midnight else f"{local:%Y-%m-%d %H:%M:%S}"


def _offset(match: re.Match[str]) -> tzinfo:
    if match["hours"] is None:
        return UTC
    size = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
    return timezone(-size if match["sign"] == "-" else size)
