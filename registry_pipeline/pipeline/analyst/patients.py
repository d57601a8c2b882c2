"""Each patient's study id and offset, days that would give it away, and whether an age above the greatest that is given can be derived of her.

Belongs here: the query of one row per patient. Does not belong here: what is done with it (``treatment.py``).
"""

from __future__ import annotations

from collections.abc import Callable

import schemas
from registry_pipeline.pipeline.analyst.profile import Profile
from registry_pipeline.pipeline.analyst.treatment import PATIENT, is_age, tables_of_people
from schemas.columns import Column
from schemas.constraints import quote
from schemas.table import columns_of

BIRTH = "birth_date"
DAYS_PER_YEAR = 365.25


def patients_query(profile: Profile, catalog: str = "") -> str:
    """SQL: patient_id, study_id, offset_days, partial_days, is_oldest of every curated patient.

    A date that is known to the month or the year is the middle of it: moved, it would give the offset away.

    A patient is among the oldest if she had passed the age on the last day that any record of her names: an age at
    diagnosis and an interval would give it away together.

    Args:
        catalog: name under which the release is attached; its tables are the connection's own if not given.
    """
    oldest, prefix = profile.settings.oldest_age, f"{catalog}." if catalog else ""
    return f"""
        WITH last_day AS ({_grouped(prefix, _is_day, "day")}),
        first_age AS ({_grouped(prefix, is_age, "age")}),
        partial AS (
            SELECT {PATIENT}, list(DISTINCT day) AS partial_days FROM ({_partial_days(prefix)})
            WHERE day IS NOT NULL GROUP BY {PATIENT}
        ),
        diagnosis AS (SELECT {PATIENT}, min(dx_date) AS day FROM {prefix}curated.primary_tumour GROUP BY ALL)
        SELECT
            patient.{PATIENT},
            {profile.study_id(f"patient.{PATIENT}")} AS study_id,
            {profile.offset_days(f"patient.{PATIENT}")} AS offset_days,
            partial.partial_days,
            coalesce(greatest(
                date_sub('year', coalesce(patient.birth_date_lower, patient.{BIRTH}), last_day.day),
                floor(first_age.age + coalesce(date_diff('day', diagnosis.day, last_day.day), 0) / {DAYS_PER_YEAR})
            ) > {oldest}, false) AS is_oldest
        FROM {prefix}curated.patient AS patient
        LEFT JOIN last_day USING ({PATIENT})
        LEFT JOIN first_age USING ({PATIENT})
        LEFT JOIN diagnosis USING ({PATIENT})
        LEFT JOIN partial USING ({PATIENT})"""


def _grouped(prefix: str, chosen: Callable[[Column], bool], name: str) -> str:
    """SQL of the greatest value of some columns of all tables, for each patient."""
    parts = []
    for table in tables_of_people():
        columns = [
            f"{quote(column.name)}" for column in columns_of(schemas.tables()[table]) if chosen(column)
        ]
        if columns:
            parts.append(f"SELECT {PATIENT}, greatest({', '.join(columns)}) AS {name} FROM {prefix}{table}")
    return f"SELECT {PATIENT}, max({name}) AS {name} FROM ({' UNION ALL '.join(parts)}) GROUP BY {PATIENT}"


def _partial_days(prefix: str) -> str:
    """SQL of the value and the bounds of every date whose day is not known."""
    parts = []
    for table in tables_of_people():
        columns = schemas.tables()[table].columns
        for name in (name.removesuffix("_precision") for name in columns if name.endswith("_date_precision")):
            days = ", ".join(f"{quote(name + end)}" for end in ("", "_lower", "_upper"))
            parts.append(
                f"SELECT {PATIENT}, unnest([{days}]) AS day FROM {prefix}{table} "
                f"WHERE {quote(name + '_precision')} IS DISTINCT FROM 'day' AND {quote(name)} IS NOT NULL"
            )
    return " UNION ALL ".join(parts)


def _is_day(column: Column) -> bool:
    return column.kind == "date" and not column.name.startswith(BIRTH)
