"""What becomes of each column on its way to analysts, by the tags of its declaration.

Belongs here: which columns and tables of single people leave, and how. Does not belong here: counts (``aggregates.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import schemas
from registry_pipeline.pipeline.analyst.profile import Profile
from schemas.columns import Column
from schemas.constraints import quote
from schemas.table import columns_of, key_of

PATIENT = "patient_id"
FIRST_YEAR = 1000
"""A number of years from here on is a year of the calendar, one below it an age."""


@dataclass(frozen=True)
class Treatment:
    """How a column leaves.

    Attributes:
        expression: SQL over the table ``t`` and its patient ``p`` (``patients.py``).
        remark: what an analyst must know of it; empty where it leaves as it is.
    """

    expression: str
    remark: str = ""


@cache
def record_keys() -> frozenset[str]:
    """The columns that number curated records, whichever table they stand in."""
    keys = [key_of(model) for model in schemas.tables_of("curated").values()]
    return frozenset(key[0] for key in keys if len(key) == 1) - {PATIENT}


def treatment_of(column: Column, profile: Profile) -> Treatment | None:
    """How a column of a table of single people leaves; None where it does not."""
    own = f"t.{quote(column.name)}"
    if column.is_free_text:
        return None
    if column.name == PATIENT:
        unmapped = profile.study_id(own)  # of a patient whose records are all in quarantine
        return Treatment(f"coalesce(p.study_id, {unmapped})", "Random study id of this profile.")
    if column.name in record_keys():
        return Treatment(profile.record(column.name, own), "Random id of this profile.")
    if column.is_identifying or column.kind == "timestamp":
        return None
    if column.is_facility:
        return Treatment(profile.facility(own), "Pseudonym of this profile.")
    if column.kind == "date":
        return _moved_date(own, profile)
    if column.is_quasi_identifier and column.kind in ("integer", "real"):
        return _grouped_years(own, column, profile)
    return Treatment(own)


def _moved_date(own: str, profile: Profile) -> Treatment:
    remark = (
        f"Moved by whole weeks, at most {profile.settings.shift_weeks}, all dates of a patient alike; "
        "NULL for the last day of observation, and where the day is not known."
    )
    day = f"DATE '{profile.extract_date}'"
    is_open = f"{own} < {day} AND NOT coalesce(list_contains(p.partial_days, {own}), false)"
    return Treatment(f"CASE WHEN {is_open} THEN {own} + CAST(p.offset_days AS INTEGER) END", remark)


def _grouped_years(own: str, column: Column, profile: Profile) -> Treatment:
    """A year of the calendar in bands; an age in whole years, the greatest in one."""
    if not is_age(column):
        band = profile.settings.year_band
        return Treatment(f"({own} // {band}) * {band}", f"First of {band} years.")
    oldest = profile.settings.oldest_age
    remark = f"Whole years; {oldest + 1}: on some day on record the patient was older than {oldest}."
    whole = f"CASE WHEN p.is_oldest AND {own} IS NOT NULL THEN {oldest + 1} ELSE floor({own}) END"
    return Treatment(f"CAST({whole} AS {column.duckdb_type})", remark)


def is_age(column: Column) -> bool:
    """Whether a column is an age of a person, which no year of the calendar is."""
    is_number = column.is_quasi_identifier and column.kind in ("integer", "real")
    return is_number and not (column.minimum is not None and column.minimum >= FIRST_YEAR)


def treatments(name: str, profile: Profile) -> dict[str, Treatment] | None:
    """The columns of a table of single people that leave, by name; None where the table does not.

    A table leaves if its patients are named and every column of its key leaves.
    """
    model = schemas.tables()[name]
    leaving = {
        column.name: treatment
        for column in columns_of(model)
        if (treatment := treatment_of(column, profile)) is not None
    }
    return leaving if {PATIENT, *key_of(model)} <= set(leaving) else None


def tables_of_people() -> list[str]:
    """Tables of single people from which analysts may start."""
    return [
        name
        for layer in ("curated", "mart")
        for name, model in schemas.tables_of(layer).items()
        if PATIENT in model.columns
    ]
