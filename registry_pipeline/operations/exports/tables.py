"""The tables of a database as Parquet files, with what is declared of them.

Belongs here: what every description of such files is made of. Does not belong here: the descriptions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet

import schemas
from registry_pipeline.core.files import whole_file
from schemas.columns import Column
from schemas.table import columns_of, key_of

_ROWS_AT_ONCE = 200_000


@dataclass(frozen=True)
class Table:
    """A table of a package: its declaration, the columns that the database holds of it, its file."""

    name: str
    description: str
    columns: Sequence[Column]
    key: Sequence[str]
    n_rows: int
    path: Path

    @property
    def place(self) -> str:
        """Path within the package."""
        return f"data/{self.path.name}"


def about_release(release: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """What descriptions say of a release: ``release`` (its id), ``created`` (a day), ``statement`` (what the data are)."""
    row = release.execute("SELECT release_id, created_at, data_statement FROM meta.release").fetchone()
    assert row is not None
    return {"release": str(row[0]), "created": str(row[1])[:10], "statement": str(row[2])}


def table_names(release: duckdb.DuckDBPyConnection) -> list[str]:
    """The declared tables that a database holds, in the order of declaration."""
    present = release.execute(
        "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
    ).fetchall()
    return [name for name in schemas.tables() if (name,) in present]


def held_columns(database: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    """The columns that a database holds of a table, in their order."""
    return [str(column[0]) for column in database.execute(f"FROM {name} LIMIT 0").description]


def write_table(release: duckdb.DuckDBPyConnection, name: str, folder: Path) -> Table:
    """Write a table, its rows in the order of their values."""
    model = schemas.tables()[name]
    answer = release.execute(f"FROM {name} ORDER BY ALL")
    held = {str(column[0]) for column in answer.description}
    path = folder / f"{name}.parquet"
    n_rows = 0
    reader = answer.to_arrow_reader(_ROWS_AT_ONCE)
    with whole_file(path) as temporary, pyarrow.parquet.ParquetWriter(temporary, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
            n_rows += batch.num_rows
    columns = [column for column in columns_of(model) if column.name in held]
    return Table(
        name, model.description or "", columns, [n for n in key_of(model) if n in held], n_rows, path
    )


def package_name(about: Mapping[str, str]) -> str:
    """What programs call the package of a release."""
    return f"registry-{about['release'].lower()}"
