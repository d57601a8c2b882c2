"""A curated table as a form of a REDCap project: its fields, and how exactly its dates are known.

Belongs here: what dictionary, data and mapping have to agree on. Does not belong here: the files (``write.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import duckdb

import schemas
from registry_pipeline.operations.exports.tables import held_columns
from schemas.columns import DATE_PARTS, Column
from schemas.constraints import quote
from schemas.table import columns_of, key_of

PATIENT = "patient_id"
NOT_MAPPED = ("facility_id", "source_record_id", "source_patient_id")
"""Columns that the registry fills by itself when it reads a file."""


@dataclass(frozen=True)
class Form:
    """A curated table as a form of the project.

    Attributes:
        partial: dates of which some are known to the month or the year only.
        inexact: dates of which some have bounds of their own.
    """

    name: str
    columns: Sequence[Column]
    partial: frozenset[str]
    inexact: frozenset[str]
    key: Sequence[str]

    @property
    def repeats(self) -> bool:
        """Whether a record has several of it."""
        return PATIENT not in self.key

    def is_mapped(self, column: Column) -> bool:
        """Whether a mapping can fill the column."""
        return column.name not in NOT_MAPPED and not _is_of_date(column, self.inexact)

    def field(self, column: Column) -> str:
        """Name of a column's field; unique within the project."""
        return f"{self.name}_{column.name}"


def form_of(release: duckdb.DuckDBPyConnection, name: str) -> Form:
    """The form of a curated table, as a release holds it."""
    model = schemas.tables()[name]
    held = set(held_columns(release, name))
    declared = [column for column in columns_of(model) if column.name != PATIENT]
    dates = {column.name for column in declared if column.kind == "date"}
    dates = {date for date in dates if f"{date}_lower" in dates & held and date in held}

    def having(condition: Callable[[str], str]) -> frozenset[str]:
        query = "SELECT 1 FROM {} WHERE {} LIMIT 1"
        return frozenset(
            date for date in dates if release.execute(query.format(name, condition(date))).fetchone()
        )

    inexact = having(lambda date: f"NOT ({_is_exact(date)} OR {is_month(date)} OR {is_year(date)})")
    columns = [
        column
        for column in declared
        if column.name in held
        and (_is_of_date(column, inexact) or not _is_of_date(column, {other.name for other in declared}))
    ]
    partial = having(lambda date: f"{is_month(date)} OR {is_year(date)}")
    return Form(name.partition(".")[2], columns, partial, inexact, key_of(model))


def _is_of_date(column: Column, dates: Collection[str]) -> bool:
    """Whether it says how exactly one of some dates is known."""
    stem, _, part = column.name.rpartition("_")
    return part in DATE_PARTS and stem in dates


def _is_exact(date: str) -> str:
    """SQL: the date is blank or an exact day."""
    return (
        f"({quote(date)} IS NULL OR (coalesce({quote(f'{date}_precision')}, 'day') = 'day'"
        f" AND {quote(f'{date}_lower')} = {quote(date)} AND {quote(f'{date}_upper')} = {quote(date)}))"
    )


def is_month(date: str) -> str:
    """SQL: the date stands for a whole month of the calendar."""
    return _is_whole(date, "month", "INTERVAL 14 DAY")


def is_year(date: str) -> str:
    """SQL: the date stands for a whole year of the calendar."""
    return _is_whole(date, "year", "INTERVAL 6 MONTH")


def _is_whole(date: str, unit: str, to_middle: str) -> str:
    first = f"date_trunc('{unit}', {quote(date)})"
    return (
        f"coalesce({quote(f'{date}_precision')} = '{unit}' AND {quote(date)} = {first} + {to_middle}"
        f" AND {quote(f'{date}_lower')} = {first}"
        f" AND {quote(f'{date}_upper')} = {first} + INTERVAL 1 {unit} - INTERVAL 1 DAY, false)"
    )


def choice_numbers(column: Column) -> dict[str, str]:
    """Code of ours -> code of REDCap's choice: the same where ours are numbers, else the place in the list."""
    assert column.codes is not None
    codes = column.codes.codes
    if all(code.isdecimal() for code in codes):
        return {code: code for code in codes}
    return {code: str(place) for place, code in enumerate(codes, start=1)}
