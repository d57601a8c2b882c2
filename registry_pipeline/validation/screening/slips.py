"""Slips that people make in dates and numbers: the values that may have been meant.

Belongs here: undoing a slip, moves of a date that are nobody's slip. Does not belong here: which of the values mends a
finding (``trials.py``), texts that could not be read (``intake/columns/suggestions.py``).
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from registry_pipeline.validation.records import curated, date_stems
from schemas.columns import Column
from schemas.table import columns_of

YEARS, FIRST_YEAR, LAST_YEAR = (-1, 1, -10, 10, 100), 1900, 2100
FACTORS: Mapping[str, tuple[float, ...]] = {"mm": (10.0, 0.1), "Gy": (0.01, 0.1, 10.0), "ng/mL": (0.1, 0.01)}
"""Of numbers by their unit: another unit (cm, cGy), a shifted decimal point."""
CONTROLS = tuple(timedelta(days=sign * days) for days in (90, 180, 550, 750) for sign in (-1, 1))
CENTURY = timedelta(days=36_500)
PARTS = (0.5, 0.7, 1.3, 1.5)
_OF_ONE_TEXT = ("long_axis_mm", "short_axis_mm", "third_axis_mm", "size_lower_mm", "size_upper_mm")


@dataclass(frozen=True)
class Slip:
    """A value that may have been meant.

    Attributes:
        text: as a suggestion says it.
        changes: column of the record and its value.
        received: of a date, the day that stands in its place.
    """

    text: str
    changes: tuple[tuple[str, Any], ...]
    received: date | None = None


def slips_of(table: str, items: list[str], row: Mapping[str, Any]) -> Iterator[Slip]:
    """The values that may have been meant by a record, item by item.

    A number is asked about only where the finding is about nothing else: of two items that contradict each other,
    another unit of one proves nothing.

    Args:
        items: that a finding is about.
        row: the record.
    """
    model = curated()[table]
    for item in items:
        value = row.get(item)
        if value is None:
            continue
        behind = "" if item == items[0] else f" as {item}"
        if item in date_stems(model):
            yield from _other_days(item, value, behind) if row.get(f"{item}_precision") == "day" else ()
        elif len(items) == 1:
            column = next(column for column in columns_of(model) if column.name == item)
            yield from _other_numbers(column, row) if column.kind == "real" else ()


def _other_days(item: str, day: date, behind: str) -> Iterator[Slip]:
    """Day and month exchanged; a year, ten or a century beside."""
    if day.day <= 12 and day.day != day.month:
        exchanged = day.replace(month=day.day, day=day.month)
        yield Slip(exchanged.isoformat() + behind, _of_date(item, exchanged), day)
    for year in (day.year + years for years in YEARS):
        if FIRST_YEAR <= year <= LAST_YEAR and (isleap(year) or (day.month, day.day) != (2, 29)):
            moved = day.replace(year=year)
            yield Slip(moved.isoformat() + behind, _of_date(item, moved), day)


def _of_date(item: str, day: date) -> tuple[tuple[str, Any], ...]:
    return tuple((name, day) for name in (item, f"{item}_lower", f"{item}_upper"))


def _other_numbers(column: Column, row: Mapping[str, Any]) -> Iterator[Slip]:
    """Another unit or another place of the decimal point; of a size all its axes, which one text gave."""
    item = column.name
    named = [name for name in _OF_ONE_TEXT if row.get(name) is not None] if item in _OF_ONE_TEXT else [item]
    for factor in FACTORS.get(column.unit or "", ()):
        changes = {name: round(row[name] * factor, 6) for name in named}
        yield Slip(f"{changes[item]:g} {column.unit}", tuple(changes.items()))


def controls_of(slip: Slip) -> list[Slip]:
    """A date moved as nobody would by a slip.

    Where the slip moves years, by parts of that; where day and month change places, by months. None of a century, nor of
    a number, whose unit and decimal point are the likely slips whatever else would do.
    """
    moved = slip.changes[0][1] - slip.received if slip.received else CENTURY
    if slip.received is None or moved >= CENTURY:
        return []
    is_exchange = abs(moved) < timedelta(days=360)
    moves = CONTROLS if is_exchange else tuple(moved * part for part in PARTS)
    return [
        Slip(slip.text, tuple((name, slip.received + move) for name, _ in slip.changes)) for move in moves
    ]
