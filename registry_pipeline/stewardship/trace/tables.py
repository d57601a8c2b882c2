"""The tables of a release as it describes them itself.

Belongs here: their columns and keys, rows of a query by column. Does not belong here: what a table of this version of the
pipeline is (``schemas``): a release made by another one has its own, and declaring all of them takes a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from registry_pipeline.core.toml_source import nearest
from registry_pipeline.store.query import QueryError
from schemas.constraints import quote

if TYPE_CHECKING:
    import duckdb

_DICTIONARY = """
SELECT table_name, list(column_name ORDER BY position) AS columns,
    coalesce(list(column_name ORDER BY key_position) FILTER (key_position IS NOT NULL), []) AS key
FROM meta.dictionary WHERE schema_name = ? GROUP BY table_name ORDER BY table_name"""


@dataclass(frozen=True)
class ReleasedTable:
    """A table of a release.

    Attributes:
        columns: in their order; key: those that identify a row.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    @property
    def key_sql(self) -> str:
        """The key of a row as one text, its parts joined by ``|``."""
        return " || '|' || ".join(f"CAST({quote(column)} AS VARCHAR)" for column in self.key)


def released_tables(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, ReleasedTable]:
    """The tables of a schema of an open release.

    Raises:
        QueryError: the release was made before it said what its keys are.
    """
    rows = records_of(connection, _DICTIONARY, [schema])
    return {
        row["table_name"]: ReleasedTable(row["table_name"], tuple(row["columns"]), tuple(row["key"]))
        for row in rows
    }


def released_table(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> ReleasedTable:
    """One of them, with or without its schema.

    Raises:
        QueryError: there is none of this name; says the nearest.
    """
    tables, name = released_tables(connection, schema), table.removeprefix(f"{schema}.")
    if name not in tables:
        raise QueryError(f"there is no table {schema}.{name}{nearest(name, list(tables))}")
    return tables[name]


def records_of(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[Any] = ()
) -> list[dict[str, Any]]:
    """Rows of a query as dictionaries.

    Raises:
        QueryError: the release was made before it held the tables asked for.
    """
    import duckdb

    try:
        result = connection.execute(query, list(parameters))
    except (duckdb.CatalogException, duckdb.BinderException):
        raise QueryError(
            "this release was made without what a trace needs; make a new one with: registry refresh"
        ) from None
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def check_columns(names: Iterable[str], table: str, columns: Sequence[str]) -> None:
    """Whether a table has all of these columns.

    Raises:
        QueryError: it has none of one of the names; says the nearest.
    """
    for name in names:
        if name not in columns:
            raise QueryError(f"{table} has no column {name}{nearest(name, list(columns))}")
