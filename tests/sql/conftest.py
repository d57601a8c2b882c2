"""What tests of rules over the whole registry share."""

from collections.abc import Iterator

import duckdb
import pytest

import schemas
from schemas.table import columns_of


@pytest.fixture(scope="module")
def empty_releases() -> Iterator[duckdb.DuckDBPyConnection]:
    """Every table of this and of the previous release, empty."""
    with duckdb.connect() as connection:
        connection.execute("ATTACH ':memory:' AS previous")
        for place in ("", "previous."):
            for layer in schemas.LAYERS:
                connection.execute(f"CREATE SCHEMA {place}{layer}")
            for name, model in schemas.tables().items():
                columns = ", ".join(f'"{column.name}" {column.duckdb_type}' for column in columns_of(model))
                connection.execute(f"CREATE TABLE {place}{name} ({columns})")
        yield connection
