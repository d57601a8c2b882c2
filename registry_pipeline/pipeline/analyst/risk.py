"""How far patients stand out: k-anonymity and l-diversity, before and after.

Belongs here: ``result.disclosure_risk``. Does not belong here: what is done about it (``treatment.py``).

Sources: Sweeney, k-anonymity, 2002; Machanavajjhala et al., l-diversity (distinct), 2007. A missing value is a value.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl

import schemas
from registry_pipeline.core.source_code import code_digest
from registry_pipeline.pipeline.analyst.patients import lay_out, patient_map
from registry_pipeline.pipeline.analyst.profile import Profile, profile_of
from registry_pipeline.pipeline.analyst.treatment import PATIENT, treatments
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.step import digest_of
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.store.layers import declaration_digest
from registry_pipeline.store.parquet import rows_digest, write_parquet
from registry_pipeline.store.refill import source_digest
from registry_pipeline.store.sql import add_view, private_database
from schemas.constraints import literal, quote
from schemas.study import IS_IN_COHORT
from schemas.table import columns_of

if TYPE_CHECKING:
    from registry_pipeline.store.sql import Source

TABLE = "result.disclosure_risk"
PERSONS = ("curated.patient", "mart.registry_patient")
"""Tables of one row per patient, whose quasi-identifiers say together who she is."""
POPULATIONS = {"registry": "true", "cohort": IS_IN_COHORT.name}


def quasi_identifiers() -> tuple[str, ...]:
    """The quasi-identifiers of a patient, by their tags."""
    columns = [column for name in PERSONS for column in columns_of(schemas.tables()[name])]
    return tuple(dict.fromkeys(column.name for column in columns if column.is_quasi_identifier))


def add_disclosure_risk(
    context: RefreshContext, tables: MutableMapping[str, Path], anew: bool = False
) -> pl.DataFrame | None:
    """Put the table among those of a release; gives what is derived of each patient, None where analysts get nothing.

    Args:
        tables: files of the release's tables by name.
        anew: make it, also where it would be the same.
    """
    tables.pop(TABLE, None)
    if not context.settings.analyst.is_written:
        return None
    profile, memory_limit = profile_of(context), context.settings.refresh.duckdb_memory
    patients = patient_map(context, tables, profile, anew)
    results = KeyedTables(context.layout.layer("result"), force=anew)
    tables[TABLE] = disclosure_risk(results, tables, profile, patients, memory_limit)
    return patients


def disclosure_risk(
    results: KeyedTables,
    tables: Mapping[str, Source],
    profile: Profile,
    patients: pl.DataFrame,
    memory_limit: str,
) -> Path:
    """The file of the table; it is made anew where the patients, what is derived of them or the profile are others.

    Args:
        results: where it is kept.
        tables: the curated and mart tables of a release.
        patients: of :func:`patient_map`.
        memory_limit: as DuckDB writes it.
    """
    name = TABLE.partition(".")[2]
    key = digest_of(
        code_digest(__name__),
        declaration_digest(TABLE),
        asdict(profile.settings),
        profile.key_digest(),
        _states(profile),
        rows_digest(patients),
        [source_digest(tables.get(table)) for table in PERSONS],
    )
    if not results.is_current(name, key):
        with private_database(memory_limit, spill_folder=results.folder) as connection:
            for table in PERSONS:
                add_view(connection, table, tables.get(table))
            risk = risk_of(connection, profile, patients)
        write_parquet(risk, results.path(name))
        results.remember(name, key, risk.height)
        results.save()
    return results.path(name)


def risk_of(connection: duckdb.DuckDBPyConnection, profile: Profile, patients: pl.DataFrame) -> pl.DataFrame:
    """The table, of a connection that has :data:`PERSONS`.

    Args:
        patients: of :func:`patient_map`.

    Returns:
        Two rows (before, after) of each population and sensitive column; none of a population without patients.
    """
    profile.apply_key(connection)
    lay_out(connection, patients)
    frames = []
    for state, (query, names) in _states(profile).items():
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {state} AS {query}")
        for population, condition in POPULATIONS.items():
            for sensitive in profile.settings.sensitive:
                frame = connection.execute(_query(state, names, condition, sensitive, profile)).pl()
                frames.append(frame.with_columns(population=pl.lit(population), sensitive=pl.lit(sensitive)))
    risk = pl.concat(frames).filter(pl.col("n_patients") > 0)
    return risk.with_columns(note=pl.when(pl.col("state") == "after").then(_remaining(profile)))


def _states(profile: Profile) -> dict[str, tuple[str, Sequence[str]]]:
    """All patients ``before`` and ``after`` as SQL, with their quasi-identifiers."""
    selects: dict[str, dict[str, dict[str, str]]] = {"before": {}, "after": {}}
    for name in PERSONS:
        columns = schemas.tables()[name].columns
        selects["before"][name] = {column: f"t.{quote(column)}" for column in columns}
        leaving = treatments(name, profile) or {}
        selects["after"][name] = {column: treatment.expression for column, treatment in leaving.items()}
    states: dict[str, tuple[str, Sequence[str]]] = {}
    for state, tables in selects.items():
        person = {
            column: name for name in reversed(PERSONS) for column in tables[name]
        }  # the first that has it
        used = {PATIENT, IS_IN_COHORT.name, *quasi_identifiers(), *profile.settings.sensitive} & set(person)
        parts = [
            _select(
                name,
                {
                    column: tables[name][column]
                    for column in sorted(used)
                    if person[column] == name or column == PATIENT
                },
            )
            for name in PERSONS
        ]
        joined = f"({parts[0]}) LEFT JOIN ({parts[1]}) USING ({PATIENT})"
        states[state] = (
            f"SELECT * FROM {joined}",
            [name for name in quasi_identifiers() if name in person],
        )
    return states


def _select(name: str, expressions: Mapping[str, str]) -> str:
    columns = ", ".join(f"{expression} AS {quote(column)}" for column, expression in expressions.items())
    return f"SELECT {columns} FROM {name} AS t LEFT JOIN patient_map AS p USING ({PATIENT})"


def _query(state: str, names: Sequence[str], condition: str, sensitive: str, profile: Profile) -> str:
    """One row of the table: classes are groups of patients alike in all quasi-identifiers."""
    columns = ", ".join(map(quote, names))
    return f"""
        WITH class AS (
            SELECT count(*) AS n, count(DISTINCT coalesce(CAST({quote(sensitive)} AS VARCHAR), '')) AS n_values
            FROM {state} WHERE {condition} GROUP BY {columns}
        )
        SELECT
            {literal(state)} AS state,
            {literal(", ".join(names))} AS quasi_identifiers,
            CAST(coalesce(sum(n), 0) AS BIGINT) AS n_patients,
            count(*) AS n_classes,
            min(n) AS k,
            min(n_values) AS l,
            CAST(coalesce(sum(n) FILTER (n = 1), 0) AS BIGINT) AS n_alone,
            CAST(coalesce(sum(n) FILTER (n < {profile.settings.smallest_count}), 0) AS BIGINT) AS n_in_small_class,
            CAST(coalesce(sum(n) FILTER (n_values = 1), 0) AS BIGINT) AS n_alike
        FROM class"""


def _remaining(profile: Profile) -> pl.Expr:
    """What remains, in a sentence."""
    return pl.format(
        "By {}, {} of {} patients are alone, and {} patients are among fewer than {}. Lengths of time to the day, sizes and "
        "doses are as recorded, and tell who knows them more.",
        "quasi_identifiers", "n_alone", "n_patients", "n_in_small_class", pl.lit(profile.settings.smallest_count),
    )  # fmt: skip
