"""SQL files over Parquet files: a private in-memory DuckDB reads views and writes whole tables.

Belongs here: views with the model's types over working files, running SQL files
into a Parquet file with exactly the model's columns.
Does not belong here: the SQL itself (``sql/``), whole layers (``layers.py``), releases, rules over records under judgement.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import duckdb

import schemas
from registry_pipeline.core.files import StoreError, system_refusal, whole_file
from registry_pipeline.core.settings import Study
from registry_pipeline.core.sql_files import SqlFile
from schemas.columns import Column
from schemas.constraints import literal, quote
from schemas.table import columns_of, key_of

if TYPE_CHECKING:
    import pandera.polars as pa
    import polars as pl

    Source: TypeAlias = Path | Sequence[Path] | Mapping[str, Path] | pl.DataFrame | None
    Sources: TypeAlias = Mapping[str, Source]


_PARQUET = (
    "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 1000, USE_TMP_FILE false"
)
"""Codes are worth a dictionary, identifiers are not: looking for one doubles the time of writing them."""


@contextmanager
def private_database(
    memory_limit: str = "1500MB", spill_folder: Path | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB that nobody else sees, with the five schemas.

    A statement runs on one thread; several run :func:`side_by_side`.

    Args:
        memory_limit: as DuckDB writes it; beyond it DuckDB spills to disk.
        spill_folder: where it spills, for example a folder of the store; removed afterwards.
    """
    if spill_folder is not None:
        spill_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=spill_folder, suffix=".building") as spill:
        config: dict[str, Any] = {"memory_limit": memory_limit, "temp_directory": spill, "threads": 1}
        connection = duckdb.connect(":memory:", config=config)
        try:
            for layer in schemas.LAYERS:
                connection.execute(f"CREATE SCHEMA {layer}")
            yield connection
        finally:
            connection.close()


def study_parameters(study: Study, extract_date: date) -> dict[str, Any]:
    """The named parameters of mart SQL: every study setting and the extract date."""
    return {**asdict(study), "extract_date": extract_date}


def model_of(name: str) -> pa.DataFrameSchema:
    """The model of a table.

    Raises:
        StoreError: no such table is declared.
    """
    if name not in schemas.tables():
        raise StoreError(f"{name}: no such table is declared in schemas/")
    return schemas.tables()[name]


def typed_select(connection: duckdb.DuckDBPyConnection, name: str, source: Source) -> str:
    """A SELECT of the model's columns, in its types, over files or a frame.

    Columns that the source lacks are NULL, others are left out; a source that is None, or files that
    are absent, give no rows. Several files are put under one another by column name.

    Raises:
        StoreError: a file is damaged.
    """
    relation = _relation(connection, name, source)
    present = set(_names(connection, f"SELECT * FROM {relation}", {})) if relation else set()
    columns = [
        f"{_typed(column, quote(column.name) if column.name in present else 'NULL')} AS {quote(column.name)}"
        for column in columns_of(model_of(name))
    ]
    return f"SELECT {', '.join(columns)} " + (f"FROM {relation}" if relation else "WHERE false")


def _typed(column: Column, expression: str) -> str:
    """An expression in the type of a column; the registry knows missing numbers as NULL only."""
    typed = f"CAST({expression} AS {column.duckdb_type})"
    return f"nullif({typed}, CAST('nan' AS DOUBLE))" if column.kind == "real" else typed


def add_view(connection: duckdb.DuckDBPyConnection, name: str, source: Source) -> None:
    """A view ``layer.table`` over :func:`typed_select`."""
    connection.execute(f"CREATE OR REPLACE VIEW {name} AS {typed_select(connection, name, source)}")


def _relation(connection: duckdb.DuckDBPyConnection, name: str, source: Source) -> str | None:
    """What stands after FROM, or None where there are no rows to read."""
    if source is None:
        return None
    if isinstance(source, Path):
        source = [source]
    if isinstance(source, Mapping):  # facility -> file of its rows
        source = list(source.values())
    if isinstance(source, Sequence):
        files = ", ".join(literal(str(path)) for path in source if path.is_file())
        return f"read_parquet([{files}], union_by_name => true)" if files else None
    connection.register(registered(name), source.to_arrow())
    return registered(name)


def registered(name: str) -> str:
    """By what name DuckDB knows the frame of a table."""
    return "frame_of_" + name.replace(".", "_")


def _names(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, Any]
) -> dict[str, str]:
    """Column name -> DuckDB type of a query."""
    try:
        rows = connection.execute(f"DESCRIBE {query}", dict(parameters)).fetchall()
    except duckdb.Error as problem:
        if system_refusal(problem) is not None:
            raise
        raise StoreError(f"a query or a working file cannot be read: {_kind(problem)}") from None
    return {row[0]: row[1] for row in rows}


def _kind(problem: duckdb.Error) -> str:
    """What a DuckDB error is without the values that it may quote."""
    is_about_code = isinstance(
        problem, (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
    )
    return str(problem).splitlines()[0] if is_about_code else type(problem).__name__


def run_to_parquet(
    connection: duckdb.DuckDBPyConnection,
    file: SqlFile,
    model: pa.DataFrameSchema,
    path: Path,
    parameters: Mapping[str, Any],
) -> int:
    """Run one SQL file into a Parquet file with exactly the model's columns, sorted by its key.

    Args:
        parameters: named values; those that the query does not name are not passed.

    Returns:
        The number of rows.

    Raises:
        StoreError: a column is missing or too many (it is named), the query fails, the disk is full.
    """
    with whole_file(path) as temporary:
        copy = f"COPY (\n{{query}}\n) TO {literal(str(temporary))} ({_PARQUET})"
        return _run(connection, file, model, copy, parameters)


def run_to_table(
    connection: duckdb.DuckDBPyConnection,
    file: SqlFile,
    model: pa.DataFrameSchema,
    table: str,
    parameters: Mapping[str, Any],
) -> int:
    """Run one SQL file into a table of a connection; else as :func:`run_to_parquet`."""
    return _run(
        connection, file, model, f"CREATE OR REPLACE TEMP TABLE {table} AS (\n{{query}}\n)", parameters
    )


def _run(
    connection: duckdb.DuckDBPyConnection,
    file: SqlFile,
    model: pa.DataFrameSchema,
    statement: str,
    parameters: Mapping[str, Any],
) -> int:
    values = file.parameters(parameters)
    query = exact_columns(connection, file, model, values)
    try:
        return int(connection.execute(statement.replace("{query}", query), values).fetchall()[0][0])
    except duckdb.IOException:
        raise
    except duckdb.Error as problem:
        raise StoreError(f"{model.name}: the query failed: {_kind(problem)}") from None


def exact_columns(
    connection: duckdb.DuckDBPyConnection, file: SqlFile, model: pa.DataFrameSchema, values: Mapping[str, Any]
) -> str:
    """The query with the model's columns in the model's order and types, sorted by the key.

    Records of a facility stand together: what asks for those of one reads no others.

    Raises:
        StoreError: a column is missing or too many; names it.
    """
    returned, declared = (
        set(_names(connection, file.query, values)),
        {column.name for column in columns_of(model)},
    )
    if missing := sorted(declared - returned):
        raise StoreError(f"sql for {model.name} gives no column {', '.join(missing)}")
    if extra := sorted(returned - declared):
        raise StoreError(f"sql for {model.name} gives columns that the model lacks: {', '.join(extra)}")
    columns = ", ".join(
        f"{_typed(column, quote(column.name))} AS {quote(column.name)}" for column in columns_of(model)
    )
    facility = ["facility_id"] if str(model.name).startswith("curated.") else []
    order = ", ".join(map(quote, dict.fromkeys((*facility, *key_of(model))))) or "ALL"
    return f"SELECT {columns} FROM (\n{file.query}\n) ORDER BY {order}"
