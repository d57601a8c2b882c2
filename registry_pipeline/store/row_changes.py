"""Rows of a table that differ from those of the release before: found by key, and replaced.

Belongs here: which they are. Does not belong here: filling whole tables (``fill.py``), what follows from the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import polars as pl

import schemas
from registry_pipeline.store.sql import typed_select
from schemas.constraints import literal, quote
from schemas.table import columns_of, key_of

if TYPE_CHECKING:
    from registry_pipeline.store.sql import Source

# A join of the rows that are there with those that are to be there takes a third of the time of writing them, and
# memory for all of them.
MOST_ROWS_COMPARED = 2_000_000
MOST_ROWS_REPLACED = 100_000
HOLDING_PATIENTS = ("curated.patient", "quality.quarantine")
"""Who is in neither has no row in a mart."""
OF_PATIENTS = "patient_id IN (FROM their_patients)"


@dataclass(frozen=True)
class RowChange:
    """Rows of a table that only the release before has, and those that only the later one has."""

    before: pl.DataFrame
    after: pl.DataFrame


def rows_of_facilities(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, Source],
    names: Iterable[str],
    facilities: Sequence[str],
) -> dict[str, str]:
    """Of curated and mart tables, as SQL, which rows are of some facilities: those of a mart by whose they are.

    Args:
        connection: to a release's tables before any of them is filled anew.
        tables: what they are to hold.
        names: of the tables.
    """
    are_theirs = f"facility_id IN ({', '.join(map(literal, facilities))})"
    chosen = {name: are_theirs if name.startswith("curated.") else OF_PATIENTS for name in names}
    if OF_PATIENTS in chosen.values():
        held = [name for name in HOLDING_PATIENTS if tables.get(name) is not None]
        rows = [*held, *(f"({typed_select(connection, name, tables[name])})" for name in held)]
        patients = " UNION ".join(f"SELECT patient_id FROM {rows_} WHERE {are_theirs}" for rows_ in rows)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE their_patients AS {patients}")
    return chosen


def replace_rows(
    connection: duckdb.DuckDBPyConnection, name: str, source: Source, can_differ: str = "true"
) -> RowChange | None:
    """Replace the rows that differ, of a table that declares no key; None where they are many, and nothing is changed.

    Keys of the rows that are there are unique; where those of the source are not, or are missing, the numbers of rows
    differ in the end.

    Args:
        can_differ: SQL of the rows that are looked at, of those that are there and those that are to be.
    """
    rows, key = typed_select(connection, name, source), key_of(schemas.tables()[name])
    columns = [quote(column.name) for column in columns_of(schemas.tables()[name])]

    def counted(table: str) -> int:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])

    n_rows, change = counted(f"({rows})"), None
    if not key or max(n_rows, counted(name)) > MOST_ROWS_COMPARED:
        return None
    connection.execute("BEGIN")
    with suppress(
        duckdb.ConstraintException, duckdb.ConversionException
    ):  # filling says what is wrong with rows
        connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE changed AS
            SELECT old.old_row, new.*
            FROM (SELECT rowid AS old_row, * FROM {name} WHERE {can_differ}) AS old
            FULL JOIN (FROM ({rows}) WHERE {can_differ}) AS new
            ON {" AND ".join(f"old.{quote(column)} = new.{quote(column)}" for column in key)}
            WHERE {" OR ".join(f"old.{column} IS DISTINCT FROM new.{column}" for column in columns)}
            LIMIT {MOST_ROWS_REPLACED + 1}
        """)
        if counted("changed") <= MOST_ROWS_REPLACED:
            are_old = "rowid IN (SELECT old_row FROM changed)"
            are_new = f"SELECT * EXCLUDE old_row FROM changed WHERE {quote(key[0])} IS NOT NULL"
            before = connection.execute(f"FROM {name} WHERE {are_old}").pl()
            connection.execute(f"DELETE FROM {name} WHERE {are_old}")
            connection.execute(f"INSERT INTO {name} BY NAME {are_new}")
            change = RowChange(before, connection.execute(are_new).pl()) if counted(name) == n_rows else None
    connection.execute("ROLLBACK" if change is None else "COMMIT")
    return change
