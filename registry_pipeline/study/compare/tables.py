"""Rows that came, went and changed between two releases, by table and column.

Belongs here: counting. Does not belong here: why they changed (``states.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import schemas
from registry_pipeline.store.refill import REMADE
from schemas.constraints import quote
from schemas.table import columns_of, key_of

if TYPE_CHECKING:
    import duckdb

    from registry_pipeline.store.row_changes import RowChange


@dataclass(frozen=True)
class TableChange:
    """How a table of the later release differs from that of the earlier one.

    Attributes:
        n_before, n_after: rows.
        n_in, n_out: rows that only the later, only the earlier one has; by key where there is one.
        n_changed: rows of one key that differ; None of a table without a key.
        columns: column -> in how many rows of one key it differs, where it does.
    """

    table_name: str
    n_before: int
    n_after: int
    n_in: int
    n_out: int
    n_changed: int | None
    columns: Mapping[str, int] = field(default_factory=dict)


def table_changes(
    connection: duckdb.DuckDBPyConnection,
    only: Collection[str] | None = None,
    row_changes: Mapping[str, RowChange] | None = None,
) -> list[TableChange]:
    """Every table that differs.

    Args:
        connection: the later release, with the earlier one as ``attached``.
        only: look at these tables alone.
        row_changes: tables of which the rows that differ are known.
    """
    known = row_changes or {}
    before = _columns(connection, is_attached=True)
    after = _columns(connection, is_attached=False)
    changes = []
    for name, model in schemas.tables().items():
        if name in REMADE or name not in after or (only is not None and name not in only):
            continue
        shared = [
            column.name
            for column in columns_of(model)
            if column.name in before.get(name, set()) & after[name]
        ]
        key = [column for column in key_of(model) if column in shared]
        if name not in before:
            n_rows = _count(connection, f"SELECT count(*) FROM {name}")
            change = TableChange(name, 0, n_rows, n_rows, 0, None)
        elif key and len(key) == len(key_of(model)):
            change = _keyed(connection, name, key, shared, known.get(name))
        else:
            change = _unkeyed(connection, name, shared)
        if change.n_in or change.n_out or change.n_changed:
            changes.append(change)
    return changes


def _columns(connection: duckdb.DuckDBPyConnection, is_attached: bool) -> dict[str, set[str]]:
    """``layer.table`` -> its columns, of one of both releases."""
    database = "'attached'" if is_attached else "current_database()"
    rows = connection.execute(
        f"SELECT schema_name || '.' || table_name, column_name FROM duckdb_columns() WHERE database_name = {database}"
    )
    columns: dict[str, set[str]] = {}
    for table, column in rows.fetchall():
        columns.setdefault(table, set()).add(column)
    return columns


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(connection.execute(query).fetchall()[0][0])


def _keyed(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    key: list[str],
    shared: list[str],
    known: RowChange | None,
) -> TableChange:
    before, after = f"attached.{name}", name
    if known is not None:
        connection.register("rows_before", known.before.to_arrow())
        connection.register("rows_after", known.after.to_arrow())
        before, after = "rows_before", "rows_after"
    others = [column for column in shared if column not in key]
    same = " AND ".join(f"a.{quote(column)} = b.{quote(column)}" for column in key)
    differs = [f"a.{quote(column)} IS DISTINCT FROM b.{quote(column)}" for column in others]
    is_in, is_out = f"a.{quote(key[0])} IS NULL", f"b.{quote(key[0])} IS NULL"
    both = f"NOT ({is_in}) AND NOT ({is_out})"
    counts = ", ".join(["0", *(f"count(*) FILTER (WHERE {both} AND {test})" for test in differs)])
    row: tuple[Any, ...] = connection.execute(f"""
        SELECT (SELECT count(*) FROM attached.{name}), (SELECT count(*) FROM {name}), count(*) FILTER (WHERE {is_in}),
            count(*) FILTER (WHERE {is_out}), count(*) FILTER (WHERE {both} AND ({" OR ".join(differs) or "false"})),
            {counts}
        FROM {before} a FULL JOIN {after} b ON {same}""").fetchall()[0]
    columns = {column: int(n) for column, n in zip(others, row[6:], strict=True) if n}
    n_before, n_after, n_in, n_out, n_changed = map(int, row[:5])
    return TableChange(name, n_before, n_after, n_in, n_out, n_changed, columns)


def _unkeyed(connection: duckdb.DuckDBPyConnection, name: str, shared: list[str]) -> TableChange:
    columns = ", ".join(map(quote, shared))
    before, after = f"SELECT {columns} FROM attached.{name}", f"SELECT {columns} FROM {name}"
    return TableChange(
        name,
        _count(connection, f"SELECT count(*) FROM attached.{name}"),
        _count(connection, f"SELECT count(*) FROM {name}"),
        _count(connection, f"SELECT count(*) FROM ({after} EXCEPT ALL {before})"),
        _count(connection, f"SELECT count(*) FROM ({before} EXCEPT ALL {after})"),
        None,
    )
