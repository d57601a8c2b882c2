"""Each patient's study id and offset, days that would give it away, and whether an age above the greatest that is given can be derived of her.

Belongs here: one row per patient, made once for a release, of patients of changed facilities only. Does not belong here: what is done with it (``treatment.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

import schemas
from registry_pipeline.core.source_code import code_digest
from registry_pipeline.pipeline.analyst.profile import Profile
from registry_pipeline.pipeline.analyst.treatment import PATIENT, is_age, tables_of_people
from registry_pipeline.pipeline.keys import row_inputs
from registry_pipeline.pipeline.step import digest_of
from registry_pipeline.store.facility_rows import OF_ALL, changed_facilities, is_of
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.store.parquet import read_parquet, write_parquet
from registry_pipeline.store.sql import private_database, typed_select
from schemas.columns import Column
from schemas.constraints import quote
from schemas.table import columns_of

if TYPE_CHECKING:
    import duckdb

    from registry_pipeline.pipeline.context import RefreshContext
    from registry_pipeline.store.sql import Source

BIRTH = "birth_date"
PEOPLE = "curated.patient"
MAP = "patient_map"
"""Name of the file that is kept."""
DAYS_PER_YEAR = 365.25


def patient_map(
    context: RefreshContext, tables: Mapping[str, Source], profile: Profile, anew: bool = False
) -> pl.DataFrame:
    """What is derived of each patient, of the curated and mart tables of a release.

    Args:
        anew: of all patients, also of those whose facilities sent nothing else since the last time.
    """
    kept = KeyedTables(context.layout.derived(), force=anew)
    rows = row_inputs(context)
    # the query names the declared columns that are ages, days and parts of days: no code says so
    made_by = (
        code_digest(__name__),
        _query(profile),
        asdict(profile.settings),
        profile.key_digest(),
        rows.of_all,
    )
    inputs = {OF_ALL: digest_of(*made_by), **rows.facilities}
    is_by_facility = bool(rows.facilities)  # else somebody is known to several
    if not (is_by_facility and kept.inputs(MAP) == inputs and kept.is_whole(MAP)):
        changed = changed_facilities(kept, {MAP: inputs}) if is_by_facility and kept.is_whole(MAP) else []
        memory_limit = context.settings.refresh.duckdb_memory
        with private_database(memory_limit, spill_folder=context.home.store) as connection:
            patients = derived_anew(connection, tables, profile, changed, kept.path(MAP))
        write_parquet(patients, kept.path(MAP))
        kept.remember(MAP, "", patients.height, inputs=inputs)
        kept.save()
    return read_parquet(kept.path(MAP))


def derived_anew(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, Source],
    profile: Profile,
    changed: Sequence[str],
    earlier: Path,
) -> pl.DataFrame:
    """The patients with those of changed facilities derived anew; all of them where none is named."""
    theirs = is_of(changed)
    for name in sorted(tables_of_people(), key=PEOPLE.__ne__):  # they say whose the rows of marts are
        rows = typed_select(connection, name, tables.get(name))
        if changed and name.startswith("curated."):
            rows = f"FROM ({rows}) WHERE {theirs}"
        elif changed:
            rows = f"FROM ({rows}) WHERE {PATIENT} IN (SELECT {PATIENT} FROM {PEOPLE})"
        connection.execute(f"CREATE VIEW {name} AS {rows}")
    derived = patients_of(connection, profile)
    if not changed:
        return derived
    everybody = typed_select(connection, PEOPLE, tables.get(PEOPLE))
    others = connection.execute(f"SELECT {PATIENT} FROM ({everybody}) WHERE {theirs} IS NOT TRUE").pl()
    return pl.concat([read_parquet(earlier).join(others, on=PATIENT, how="semi"), derived]).sort(PATIENT)


def patients_of(connection: duckdb.DuckDBPyConnection, profile: Profile) -> pl.DataFrame:
    """As of :func:`patient_map`, of a connection that has the tables; by patient_id."""
    profile.apply_key(connection)
    return connection.execute(_query(profile)).pl()


def lay_out(connection: duckdb.DuckDBPyConnection, patients: pl.DataFrame) -> None:
    """Give a connection the table ``patient_map``, which the expressions of ``treatment.py`` call p."""
    connection.register("patients", patients.to_arrow())
    connection.execute("CREATE OR REPLACE TEMP TABLE patient_map AS FROM patients")
    connection.unregister("patients")


def _query(profile: Profile) -> str:
    """SQL: patient_id, study_id, offset_days, partial_days, is_oldest of every curated patient.

    A date that is known to the month or the year is the middle of it: moved, it would give the offset away.

    A patient is among the oldest if she had passed the age on the last day that any record of her names: an age at
    diagnosis and an interval would give it away together.
    """
    return f"""
        WITH last_day AS ({_grouped(_is_day, "day")}),
        first_age AS ({_grouped(is_age, "age")}),
        partial AS (
            SELECT {PATIENT}, list_sort(list(DISTINCT day)) AS partial_days FROM ({_partial_days()})
            WHERE day IS NOT NULL GROUP BY {PATIENT}
        ),
        diagnosis AS (SELECT {PATIENT}, min(dx_date) AS day FROM curated.primary_tumour GROUP BY ALL)
        SELECT
            patient.{PATIENT},
            {profile.study_id(f"patient.{PATIENT}")} AS study_id,
            {profile.offset_days(f"patient.{PATIENT}")} AS offset_days,
            partial.partial_days,
            coalesce(greatest(
                date_sub('year', coalesce(patient.birth_date_lower, patient.{BIRTH}), last_day.day),
                floor(first_age.age + coalesce(date_diff('day', diagnosis.day, last_day.day), 0) / {DAYS_PER_YEAR})
            ) > {profile.settings.oldest_age}, false) AS is_oldest
        FROM curated.patient AS patient
        LEFT JOIN last_day USING ({PATIENT})
        LEFT JOIN first_age USING ({PATIENT})
        LEFT JOIN diagnosis USING ({PATIENT})
        LEFT JOIN partial USING ({PATIENT})
        ORDER BY patient.{PATIENT}"""


def _grouped(chosen: Callable[[Column], bool], name: str) -> str:
    """SQL of the greatest value of some columns of all tables, for each patient."""
    parts = []
    for table in tables_of_people():
        columns = [
            f"{quote(column.name)}" for column in columns_of(schemas.tables()[table]) if chosen(column)
        ]
        if columns:
            parts.append(f"SELECT {PATIENT}, greatest({', '.join(columns)}) AS {name} FROM {table}")
    return f"SELECT {PATIENT}, max({name}) AS {name} FROM ({' UNION ALL '.join(parts)}) GROUP BY {PATIENT}"


def _partial_days() -> str:
    """SQL of the value and the bounds of every date whose day is not known."""
    parts = []
    for table in tables_of_people():
        columns = schemas.tables()[table].columns
        for name in (name.removesuffix("_precision") for name in columns if name.endswith("_date_precision")):
            days = ", ".join(f"{quote(name + end)}" for end in ("", "_lower", "_upper"))
            parts.append(
                f"SELECT {PATIENT}, unnest([{days}]) AS day FROM {table} "
                f"WHERE {quote(name + '_precision')} IS DISTINCT FROM 'day' AND {quote(name)} IS NOT NULL"
            )
    return " UNION ALL ".join(parts)


def _is_day(column: Column) -> bool:
    return column.kind == "date" and not column.name.startswith(BIRTH)
