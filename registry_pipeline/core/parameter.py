"""A key of registry.toml: its default, its meaning, and the forms that a value of it may have.

Belongs here: :func:`parameter`, and tests of texts that a key may hold.
Does not belong here: the keys themselves (``core/settings.py``), reading the file (``core/settings_file.py``).
"""

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from registry_pipeline.core.memory import memory_bytes

DEFAULT_CRON = "0 3 * * *"
_CRON_WORDS = {
    *["sun", "mon", "tue", "wed", "thu", "fri", "sat", "l"],
    *["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
}
_LEAST_MEMORY_BYTES = 1e9  # with less, a refresh of next to nothing could not end


def is_memory(value: str) -> bool:
    """Whether a text is an amount of memory that a refresh can do with."""
    return (memory_bytes(value) or 0) >= _LEAST_MEMORY_BYTES


def is_cron(value: str) -> bool:
    """Whether five fields name a time that comes; the default is known to be good and loads nothing."""
    if value == DEFAULT_CRON:
        return True
    words = re.findall(r"[a-z]+", value.lower())
    if (
        len(value.split()) != 5
        or re.search(r"[^0-9A-Za-z*/,\- ]", value)
        or not _CRON_WORDS.issuperset(words)
    ):
        return False
    from croniter import CroniterError, croniter

    try:
        fields_of_time = croniter.expand(value)[0]
        croniter(value, datetime(2024, 1, 1)).get_next()
    except (CroniterError, ValueError, OverflowError):
        return False
    # Dagster fails on a day that none of the months has, also where a weekday stands beside it.
    days: list[int | str] = fields_of_time[2]
    months: list[int | str] = fields_of_time[3]
    longest = 31 if months == ["*"] else max(monthrange(2024, int(month))[1] for month in months)
    return any(not isinstance(day, int) or day <= longest for day in days)


def is_timezone(value: str) -> bool:
    """Whether a text names a time zone."""
    try:
        return bool(ZoneInfo(value))
    except (KeyError, OSError, ValueError):
        return False


def parameter(
    default: Any,
    note: str,
    is_assumption: bool = False,
    choices: tuple[Any, ...] = (),
    minimum: float | None = None,
    form: tuple[Callable[[str], bool], str] | None = None,
) -> Any:
    """A key: its default, meaning, and what a value (or each value of a list) may be.

    form: a test of a text and what to write instead where it fails.
    """
    metadata = {
        "note": note, "is_assumption": is_assumption, "choices": choices, "minimum": minimum, "form": form
    }  # fmt: skip
    return field(default=default, metadata=metadata)


def is_profile(value: str) -> bool:
    """Whether a text can name a profile of analyst.duckdb."""
    return re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", value) is not None
