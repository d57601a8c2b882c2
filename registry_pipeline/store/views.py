"""The views of a release: what analysts and data managers open first.

Belongs here: making the views of ``sql/views`` and saying what they and their columns are.
Does not belong here: the queries themselves (``sql/views``), tables (``release.py``).
"""

from __future__ import annotations

from collections.abc import Collection

import duckdb

from registry_pipeline.core.sql_files import SqlFile, sql_files
from schemas.constraints import literal, quote
from schemas.study import COHORT_ORIGINS, ENDPOINTS


def create_views(connection: duckdb.DuckDBPyConnection, tables: Collection[str] | None = None) -> None:
    """The views of ``sql/views`` and ``times_wide``, in the schema ``main``; they and their columns have comments.

    Args:
        tables: only the views that read no others; all views by default.

    A column means what it means in the first table of the view's inputs that has it; what a view computes is
    said in its header (``columns``).
    """
    for name, result in {**sql_files("views"), "times_wide": _times_wide()}.items():
        if tables is not None and not set(result.header["inputs"]) <= set(tables):
            continue
        connection.execute(f"CREATE VIEW {quote(name)} AS {result.query}")
        connection.execute(f"COMMENT ON VIEW {quote(name)} IS {literal(result.header['grain'])}")
        for column, meaning in _meanings(connection, name, result).items():
            connection.execute(f"COMMENT ON COLUMN {quote(name)}.{quote(column)} IS {literal(meaning)}")


def _times_wide() -> SqlFile:
    """``mart.survival_time`` with the endpoints side by side: a pair of columns for each that the study has."""
    columns, meanings = [], {}
    for name, endpoint in ENDPOINTS.items():
        competing = ", 2 what competes with it" if endpoint.competing_event else ""
        of_event = f"(endpoint = {literal(name)})"
        columns.append(f"max(duration_days) FILTER {of_event} AS {name}_days")
        columns.append(f"max(event) FILTER {of_event} AS {name}_event")
        meanings[f"{name}_days"] = f"Days of {endpoint.phrase} from the origin."
        meanings[f"{name}_event"] = f"Event of {endpoint.phrase}: 0 censored, 1 the event{competing}."
    grain = "One row per analysed patient and origin; days and event of every endpoint side by side."
    header = {"grain": grain, "inputs": ["mart.survival_time"], "columns": meanings}
    origins = ", ".join(map(literal, COHORT_ORIGINS))
    query = (
        f"SELECT patient_id, origin, {', '.join(columns)} FROM mart.survival_time WHERE origin IN ({origins}) "
        "GROUP BY patient_id, origin ORDER BY patient_id, origin"
    )
    return SqlFile("times_wide", header, query)


def _meanings(connection: duckdb.DuckDBPyConnection, name: str, file: SqlFile) -> dict[str, str]:
    """Column of a view -> what it means, of those for which that is said anywhere."""
    own = dict(file.header.get("columns", {}))
    columns = [row[0] for row in connection.execute(f"DESCRIBE {quote(name)}").fetchall()]
    comments: dict[str, str] = {}
    for table in file.header["inputs"]:
        schema, _, bare = table.partition(".")
        rows = connection.execute(
            "SELECT column_name, comment FROM duckdb_columns() "
            "WHERE schema_name = ? AND table_name = ? AND comment IS NOT NULL",
            [schema, bare],
        ).fetchall()
        comments = {**dict(rows), **comments}
    return {column: comment for column in columns if (comment := own.get(column) or comments.get(column))}
