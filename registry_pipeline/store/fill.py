"""The tables of a release: declared with their comments, then filled.

Belongs here: in which order, how many at a time, what is said of rows that a constraint stops.
Does not belong here: which rows differ (``row_changes.py``), the file, what is proved of it when it is full
(``proofs.py``), sealing (``release.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

import duckdb

import schemas
from registry_pipeline.core.files import StoreError
from registry_pipeline.store.parallel import side_by_side
from registry_pipeline.store.proofs import Proof, ReleaseRefused, broken_constraints
from registry_pipeline.store.row_changes import RowChange, replace_rows
from registry_pipeline.store.sql import typed_select
from schemas.derive import comment_sql, create_table_sql
from schemas.table import columns_of

if TYPE_CHECKING:
    from registry_pipeline.store.sql import Source

ROW_BY_ROW = ("curated.", "mart.", "result.km_curve", "result.cumulative_incidence")
"""What tables are called that are asked by their keys: nobody reads in which order their rows stand."""


def fill(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, Source],
    keyed: Collection[str],
    only: Collection[str] | None = None,
    parts: Mapping[str, Collection[str]] | None = None,
    can_differ: Mapping[str, str] | None = None,
) -> dict[str, RowChange]:
    """Schemas, tables and comments, then rows.

    Args:
        keyed: tables with declared keys; they come first, each after those that it references.
        only: tables to be made anew in a database that has them all; every table of an empty one by default.
        parts: those among them of which the rows of some facilities are replaced, and the others' stay; facilities by table.
        can_differ: those of which only some rows can be others, and SQL of these rows.

    Returns:
        Tables of which rows were replaced one by one, with these rows.

    Raises:
        ReleaseRefused: a constraint is broken; with counts and without values.
        StoreError: a value does not have the type of its column.
    """
    can_differ = can_differ or {}
    parts = {name: own for name, own in (parts or {}).items() if not name.startswith(ROW_BY_ROW)}
    names = [name for name in tables_in_order() if (only is None or name in only) and name not in parts]
    replaced: dict[str, RowChange] = {}
    for name in [] if only is None else sorted(set(names) - set(keyed)):
        if name.startswith(ROW_BY_ROW):
            change = replace_rows(connection, name, tables.get(name), can_differ.get(name, "true"))
            replaced |= {} if change is None else {name: change}
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
