"""The tables of a release: declared with their comments, then filled; of one that is there only rows that differ.

Belongs here: in which order, how many at a time, which rows differ, what is said of rows that a constraint stops.
Does not belong here: the file, what is proved of it when it is full (``proofs.py``), sealing (``release.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

import duckdb

import schemas
from registry_pipeline.core.files import StoreError
from registry_pipeline.store.parallel import side_by_side
from registry_pipeline.store.proofs import Proof, ReleaseRefused, broken_constraints
from registry_pipeline.store.sql import typed_select
from schemas.constraints import quote
from schemas.derive import comment_sql, create_table_sql
from schemas.table import columns_of, key_of

if TYPE_CHECKING:
    from registry_pipeline.store.sql import Source

# A join of the rows that are there with those that are to be there takes a third of the time of writing them, and
# memory for all of them.
MOST_ROWS_COMPARED = 2_000_000
MOST_ROWS_REPLACED = 20_000


def fill(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, Source],
    keyed: Collection[str],
    only: Collection[str] | None = None,
    parts: Mapping[str, Collection[str]] | None = None,
) -> dict[str, str]:
    """Schemas, tables and comments, then rows.

    Args:
        keyed: tables with declared keys; they come first, each after those that it references.
        only: tables to be made anew in a database that has them all; every table of an empty one by default.
        parts: those among them of which the rows of some facilities are replaced, and the others' stay; facilities by table.

    Returns:
        Tables of which rows were replaced one by one, each with a SELECT of its new rows.

    Raises:
        ReleaseRefused: a constraint is broken; with counts and without values.
        StoreError: a value does not have the type of its column.
    """
    parts = parts or {}
    names = [name for name in tables_in_order() if (only is None or name in only) and name not in parts]
    replaced: dict[str, str] = {}
    for name in [] if only is None else [*names]:
        if name in schemas.tables_of("curated") and name not in keyed:  # nobody reads the order of their rows
            rows = _replace_rows(connection, name, tables.get(name), f"changed_{name.partition('.')[2]}")
            replaced |= {} if rows is None else {name: rows}
    names = [name for name in names if name not in replaced]
    models = [schemas.tables()[name] for name in names]
    first = [f"CREATE SCHEMA {layer}" for layer in schemas.LAYERS] if only is None else []
    statements = [
        "BEGIN",  # a thousand comments: one wait for the disk instead of a thousand
        *(first or [f"DROP TABLE {name}" for name in reversed(names)]),
        *(create_table_sql(model, keyed) for model in models),
        *(comment for model in models for comment in comment_sql(model)),
        "COMMIT",
    ]
    connection.execute(";\n".join(statements))
    filled = [name for name in names if tables.get(name) is not None]
    for name in filled:
        if name in keyed:
            insert(connection, name, tables[name], keyed)

    def add(name: str) -> None:
        with connection.cursor() as own:
            insert(own, name, tables[name], keyed)

    side_by_side({name: () for name in filled if name not in keyed}, add)
    for name, facilities in parts.items():
        _replace_parts(connection, name, tables[name], facilities)
    return replaced


def _replace_rows(
    connection: duckdb.DuckDBPyConnection, name: str, source: Source, changed: str
) -> str | None:
    """The rows that differ anew, of a table that declares no key; None where they are many, and nothing is changed.

    Keys of the rows that are there are unique; where those of the source are not, or are missing, the numbers of rows
    differ in the end.

    Args:
        changed: name for a table of the rows that differ.
    """
    rows, key = typed_select(connection, name, source), key_of(schemas.tables()[name])
    columns = [quote(column.name) for column in columns_of(schemas.tables()[name])]
    new_rows = f"SELECT * EXCLUDE old_row FROM {changed} WHERE {quote(key[0])} IS NOT NULL" if key else ""

    def counted(table: str) -> int:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])

    n_rows, is_done = counted(f"({rows})"), False
    if not key or max(n_rows, counted(name)) > MOST_ROWS_COMPARED:
        return None
    connection.execute("BEGIN")
    with suppress(
        duckdb.ConstraintException, duckdb.ConversionException
    ):  # filling says what is wrong with rows
        connection.execute(f"""
            CREATE TEMP TABLE {changed} AS
            SELECT old.rowid AS old_row, new.* FROM {name} AS old FULL JOIN ({rows}) AS new
            ON {" AND ".join(f"old.{quote(column)} = new.{quote(column)}" for column in key)}
            WHERE {" OR ".join(f"old.{column} IS DISTINCT FROM new.{column}" for column in columns)}
            LIMIT {MOST_ROWS_REPLACED + 1}
        """)
        if counted(changed) <= MOST_ROWS_REPLACED:
            connection.execute(f"DELETE FROM {name} WHERE rowid IN (SELECT old_row FROM {changed})")
            connection.execute(f"INSERT INTO {name} BY NAME {new_rows}")
            is_done = counted(name) == n_rows
    connection.execute("COMMIT" if is_done else "ROLLBACK")
    return new_rows if is_done else None


def _replace_parts(
    connection: duckdb.DuckDBPyConnection, name: str, source: Source, facilities: Collection[str]
) -> None:
    """The rows of some facilities anew, of a table that is a file per facility and declares no key."""
    assert isinstance(source, Mapping)
    connection.execute(f"DELETE FROM {name} WHERE facility_id IN (SELECT unnest(?))", [list(facilities)])
    insert(connection, name, [source[facility] for facility in facilities if facility in source])


def tables_in_order() -> list[str]:
    """Every declared table, each after the tables that it references."""
    needs = {
        name: {
            column.references.rsplit(".", 1)[0]
            for column in columns_of(model)
            if column.references is not None
        }
        for name, model in schemas.tables().items()
    }
    return list(TopologicalSorter(needs).static_order())


def insert(
    connection: duckdb.DuckDBPyConnection, name: str, source: Source, keyed: Collection[str] = ()
) -> None:
    """Rows BY NAME; raises what :func:`fill` raises, without DuckDB's own words, which quote values."""
    rows = typed_select(connection, name, source)
    try:
        connection.execute(f"INSERT INTO {name} BY NAME {rows}")
    except duckdb.ConstraintException:
        broken = broken_constraints(connection, schemas.tables()[name], rows, keyed)
        raise ReleaseRefused(broken or [Proof(f"{name}: a constraint", "constraint", 1, 1)]) from None
    except duckdb.ConversionException:
        raise StoreError(f"{name}: a value does not have the type of its column") from None
