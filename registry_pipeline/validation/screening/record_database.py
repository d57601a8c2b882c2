"""A private DuckDB with records for the rules between tables.

Belongs here: opening it, copying records in, what it may take. Does not belong here: rules (``cross_table.py``).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from registry_pipeline.validation.records import curated
from registry_pipeline.validation.screening.consolidate import NOT_JUDGED
from registry_pipeline.validation.screening.identifiers import NUMBER
from schemas.constraints import quote
from schemas.table import columns_of


@contextmanager
def open_records(
    records: Mapping[str, pl.DataFrame],
    memory_limit: str = "1500MB",
    spill_folder: Path | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB with the given records as ``screened.<table>``.

    Args:
        spill_folder: where DuckDB writes what is beyond the limit, in a folder that is removed afterwards; nowhere
            without it, and never into the folder that the process happens to be in.

    The records are copied in: rules join them again and again, and DuckDB hands conditions on a
    registered Arrow table to pyarrow, which cannot compare the texts that polars hands out. One thread to a rule:
    threads that wait for each other spend more than they share. Rules need nothing of each other: several run at a time.
    """
    folder = (
        nullcontext("") if spill_folder is None else TemporaryDirectory(dir=spill_folder, suffix=".building")
    )
    with folder as spill:
        config: dict[str, Any] = {"memory_limit": memory_limit, "temp_directory": spill, "threads": 1}
        with duckdb.connect(":memory:", config=config) as connection:
            connection.execute("CREATE SCHEMA screened; CREATE SCHEMA filled")
            for name, frame in records.items():
                _copy_in(connection, name, frame[[c for c in frame.columns if c not in NOT_JUDGED]])
            connection.execute("SET lock_configuration = true")
            yield connection


def _copy_in(connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> None:
    """``screened.<name>``; a column without any value, which would take as much memory as others, is not held."""
    blank = {column.name for column in frame.iter_columns() if 0 < frame.height == column.null_count()}
    place = "filled" if blank else "screened"
    # Arrow's own interface: polars' to_arrow() was seen to crash the process now and then
    connection.register("_given", pa.table(frame.drop(blank)))
    connection.execute(f'CREATE TABLE {place}."{name}" AS SELECT * FROM _given')
    connection.unregister("_given")
    if blank:
        types = {column.name: column.duckdb_type for column in columns_of(curated()[name])}
        types |= {column: "UINTEGER" for column in blank if frame.schema[column] == NUMBER}
        shown = (
            f"CAST(NULL AS {types[column]}) AS {quote(column)}" if column in blank else quote(column)
            for column in frame.columns
        )
        connection.execute(f'CREATE VIEW screened."{name}" AS SELECT {", ".join(shown)} FROM filled."{name}"')
