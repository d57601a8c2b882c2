"""The release as the reports see it: its tables, read-only, whatever is missing.

Belongs here: opening the release, reading tables and parameters. Does not belong here: what is said of them.

A table that a release does not have reads as an empty one with its declared columns, so that a report of
a registry without lesions, or of an older release, is whole where there are data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import duckdb
import numpy as np
import pandas as pd

import schemas
from registry_pipeline.reporting.document.hidden import Hidden
from schemas.constraints import quote
from schemas.table import columns_of, key_of

if TYPE_CHECKING:
    import polars as pl

MOST_ROWS_KEPT = 2_000
CURVES = {"result.km_curve": ("survival", 1.0), "result.cumulative_incidence": ("incidence", 0.0)}
"""Tables of curves: the level, and where it starts."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ReleaseTables:
    """A sealed release, open for reading.

    Attributes:
        asked: tables that have been asked for by name.
        read: tables of which rows, or what follows from them, have been read in whatever way.
        counted: tables whose rows have been counted -> their number.
        contents: table -> digest of its rows, where somebody says so.

    Args:
        database: path of ``registry.duckdb``.
    """

    def __init__(self, database: Path) -> None:
        # One thread: the questions are many and small, and waiting for a second one costs more than it saves.
        self.database = database
        self._connection = duckdb.connect(str(database), read_only=True, config={"threads": 1})
        self.asked: set[str] = set()
        self.read: set[str] = set()
        self.counted: dict[str, int] = {}
        self.contents: Mapping[str, str] = {}
        self._read: dict[tuple[object, ...], pd.DataFrame] = {}
        try:
            self._connection.execute("SET enable_external_access = false")
            self.columns: dict[str, list[str]] = {}
            for schema, table, column in self._connection.execute(
                "SELECT schema_name, table_name, column_name FROM duckdb_columns() "
                "WHERE database_name = current_database() ORDER BY schema_name, table_name, column_index"
            ).fetchall():
                self.columns.setdefault(f"{schema}.{table}", []).append(column)
            self.parameters: dict[str, str] = self._parameters()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    @contextmanager
    def recording(self) -> Iterator[tuple[set[str], set[str], dict[str, int]]]:
        """What is asked, read and counted inside, apart; afterwards it is with the rest."""
        before = self.asked, self.read, self.counted
        self.asked, self.read, self.counted = set(), set(), {}
        try:
            yield self.asked, self.read, self.counted
        finally:
            asked, read, counted = self.asked, self.read, self.counted
            self.asked, self.read, self.counted = before[0] | asked, before[1] | read, before[2] | counted

    def _note(self, name: str) -> None:
        """A table is asked for, and its rows are read."""
        self.asked.add(name)
        self.read.add(name)

    def names(self, layer: str) -> list[str]:
        """Tables of one layer that the release has."""
        return [name for name in self.columns if name.startswith(f"{layer}.")]

    def has(self, name: str, *columns: str) -> bool:
        """Whether the release has the table, and these columns in it."""
        return name in self.columns and set(columns) <= set(self.columns[name])

    def table(
        self,
        name: str,
        where: dict[str, Any] | None = None,
        limit: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Rows of a table in a fixed order, filtered by equality; empty where the table is missing.

        Columns that are declared but missing in this release read as missing values.

        Args:
            columns: the columns that are wanted, and the rows by key; of a table of a row per patient few
                columns are a fraction of the work. None for all.
        """
        self._note(name)
        declared = _declared(name) if columns is None else list(columns)
        if name not in self.columns:
            return pd.DataFrame({column: pd.Series(dtype="object") for column in declared})
        where = where or {}
        if not set(where) <= set(self.columns[name]):
            return pd.DataFrame({column: pd.Series(dtype="object") for column in declared})
        condition = " AND ".join(f"{quote(column)} = ?" for column in where)
        present = [column for column in columns or () if column in self.columns[name]]
        selected = "*" if columns is None else ", ".join(map(quote, present))
        statement = f"SELECT {selected} FROM {_qualified(name)}" + (f" WHERE {condition}" if where else "")
        if columns is not None and (key := key_of(schemas.tables()[name])):
            statement += f" ORDER BY {', '.join(map(quote, key))}"
        statement += " ORDER BY ALL" if columns is None and _is_small_layer(name) else ""
        statement += f" LIMIT {int(limit)}" if limit is not None else ""
        frame = self._once(statement, list(where.values()), _frame_of_few_texts if name in CURVES else None)
        return frame.assign(**{column: None for column in declared if column not in frame})

    def _once(
        self, statement: str, values: Sequence[Any], fetch: Callable[[Any], pd.DataFrame] | None = None
    ) -> pd.DataFrame:
        """The answer to a query; a small one is kept for the section that asks the same again.

        Args:
            fetch: takes the frame of an executed query; all columns as DuckDB gives them by default.
        """
        query = (statement, *values)
        if query in self._read:
            return self._read[query].copy()
        answer = self._connection.execute(statement, list(values))
        frame = answer.df() if fetch is None else fetch(answer)
        if len(frame) <= MOST_ROWS_KEPT:
            self._read[query] = frame
            return frame.copy()
        return frame

    def in_order(self, name: str) -> pd.DataFrame:
        """Rows of a table in the order in which the release holds them."""
        self._note(name)
        if not self.has(name):
            return self.table(name)
        return self._once(f"SELECT * FROM {_qualified(name)}", (), _frame_of_few_texts)

    def matching(self, name: str, values: pl.DataFrame) -> pd.DataFrame:
        """Rows of a table that have one of some combinations of values, by the names of their columns."""
        self._note(name)
        self._connection.register("wanted", values.to_arrow())
        columns = ", ".join(map(quote, values.columns))
        statement = f"FROM {_qualified(name)} SEMI JOIN wanted USING ({columns})"
        return _frame_of_few_texts(self._connection.execute(statement))

    def query(
        self, sql: str, needs: Mapping[str, Sequence[str]], values: Sequence[Any] = ()
    ) -> pd.DataFrame | None:
        """Result of a SELECT, or None where a table or column that it needs is missing."""
        if not all(self.has(name, *columns) for name, columns in needs.items()):
            return None
        self.read |= set(needs)
        return self._once(sql, values)

    def n_rows(self, name: str) -> int | Hidden:
        """Number of rows; 0 where the table is missing."""
        return self.count_rows(name)

    def count_rows(self, name: str) -> int:
        """Number of rows, whatever may be shown; 0 where the table is missing."""
        if name not in self.columns:
            return 0
        row = self._connection.execute(f"SELECT count(*) FROM {_qualified(name)}").fetchone()
        self.counted[name] = int(row[0]) if row else 0
        return self.counted[name]

    def number(self, parameter: str, default: float) -> float:
        """A numeric parameter of the release."""
        try:
            return float(self.parameters.get(parameter) or default)
        except ValueError:
            return default

    def comment(self, name: str) -> str:
        """Comment of a table."""
        self.read.add("meta.dictionary")
        schema, _, table = name.partition(".")
        row = self._connection.execute(
            "SELECT comment FROM duckdb_tables() WHERE schema_name = ? AND table_name = ? "
            "AND database_name = current_database()",
            [schema, table],
        ).fetchone()
        return str(row[0]) if row and row[0] else ""

    def _parameters(self) -> dict[str, str]:
        if not self.has("meta.parameter", "name", "value"):
            return {}
        rows = self._connection.execute("SELECT name, value FROM meta.parameter ORDER BY name").fetchall()
        return {str(name): str(value) for name, value in rows if value is not None}


def _frame_of_few_texts(answer: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """The same frame with each text made once: tables of curves have millions of a hundred texts."""
    columns = answer.description or []
    if not {str(kind) for _, kind, *_ in columns} <= {"VARCHAR", "BIGINT", "DOUBLE"}:
        return answer.df()
    rows = answer.to_arrow_table()
    frame = rows.to_pandas(strings_to_categorical=True)
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.CategoricalDtype):
            texts = np.array([*frame[name].cat.categories, None], dtype=object)
            frame[name] = texts[frame[name].cat.codes]  # a missing text has the code -1
        elif rows.schema.field(name).type == "int64" and rows[name].null_count:
            frame[name] = rows[name].to_pandas(types_mapper=lambda _: pd.Int64Dtype())
    return frame


def _qualified(name: str) -> str:
    schema, _, table = name.partition(".")
    if not _NAME.fullmatch(schema):
        raise ValueError(f"not a table of a release: {schema}")
    return f"{quote(schema)}.{quote(table)}"


def _is_small_layer(name: str) -> bool:
    return name.startswith(("mart.", "meta.", "quality.rule"))


def _declared(name: str) -> list[str]:
    model = schemas.tables().get(name)
    return [column.name for column in columns_of(model)] if model is not None else []
