"""What is said of the tables of ``analyst.duckdb``: comments and the dictionary.

Belongs here: declared descriptions with remarks on how a column leaves. Does not belong here: the remarks (``treatment.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

import schemas
from schemas.constraints import literal, quote
from schemas.derive import column_comment, dictionary_rows
from schemas.table import columns_of

if TYPE_CHECKING:
    import duckdb

Remarks = Mapping[str, Mapping[str, str]]
"""Table -> column -> what an analyst must know of it."""


def describe(connection: duckdb.DuckDBPyConnection, remarks: Remarks) -> None:
    """What each of some tables and their columns is, as comments."""
    columns = {
        (name, column.name): column for name in remarks for column in columns_of(schemas.tables()[name])
    }
    comments = [
        f"COMMENT ON TABLE {name} IS {literal(schemas.tables()[name].description or '')}" for name in remarks
    ]
    for name, column in _present(connection):
        if (name, column) in columns:
            comment = f"{column_comment(columns[name, column])} {remarks[name].get(column, '')}".strip()
            comments.append(f"COMMENT ON COLUMN {name}.{quote(column)} IS {literal(comment)}")
    connection.execute(";\n".join(comments))


def dictionary(connection: duckdb.DuckDBPyConnection, remarks: Remarks) -> pd.DataFrame:
    """Rows of ``meta.dictionary`` of the tables that are there."""
    rows, present = [], set(_present(connection))
    for row in dictionary_rows():
        name, column = f"{row['schema_name']}.{row['table_name']}", str(row["column_name"])
        if (name, column) in present:
            description = f"{row['description']}. {remarks[name].get(column, '')}".strip(". ")
            rows.append({**row, "is_identifying": False, "description": description})
    return pd.DataFrame(rows)


def _present(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Tables of the database with their columns."""
    return connection.execute(
        "SELECT table_schema || '.' || table_name, column_name FROM information_schema.columns "
        "WHERE table_catalog = current_database()"
    ).fetchall()
