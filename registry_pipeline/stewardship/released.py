"""Reading the served release while a page runs: opened once, and again when another one is served.

Belongs here: keeping the connection. Does not belong here: what is asked of a release.

Opening a release costs tens of milliseconds, asking an open one a fraction of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from registry_pipeline.core.home import Home
from registry_pipeline.stewardship.trace.cells import TracedRecord, trace_record
from registry_pipeline.stewardship.trace.results import TracedResult, trace_result
from registry_pipeline.store.releases import current_release, keep_release_open

if TYPE_CHECKING:
    import duckdb


class ReleaseReader:
    """The served release of a home, for several threads."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lock = Lock()
        self._release_id: str | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
        """The rows of a query by column; none where there is no release.

        Raises:
            StoreError: the release is damaged.
        """
        with self._opened() as cursor:
            if cursor is None:
                return []
            result = cursor.execute(query, parameters)
            columns = [column[0] for column in result.description or []]
            return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]

    def record(self, table: str, record_key: str) -> TracedRecord | None:
        """A curated record with the cells of the files behind each item; None where there is no release.

        Raises:
            QueryError: there is no such table or record, or the release has no lineage.
            StoreError: the release is damaged.
        """
        with self._opened() as cursor:
            return None if cursor is None else trace_record(self._home, cursor, table, record_key)

    def result(self, table: str, conditions: Mapping[str, str]) -> TracedResult | None:
        """A row of a result table and the patients behind it; None where there is no release.

        Raises:
            QueryError: there is no such table or column, or not exactly one row meets the conditions.
            StoreError: the release is damaged.
        """
        with self._opened() as cursor:
            return None if cursor is None else trace_result(cursor, table, conditions)

    def close(self) -> None:
        """Let the release go."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._release_id = None

    @contextmanager
    def _opened(self) -> Iterator[duckdb.DuckDBPyConnection | None]:
        """The served release to ask in this thread; None where there is none."""
        cursor = self._cursor()
        if cursor is None:
            yield None
            return
        with cursor:
            cursor.execute("USE released")
            yield cursor

    def _cursor(self) -> duckdb.DuckDBPyConnection | None:
        with self._lock:
            release_id = current_release(self._home)
            if release_id != self._release_id:
                self._close()
            if release_id is not None and self._connection is None:
                self._connection, self._release_id = keep_release_open(self._home, release_id), release_id
            return None if self._connection is None else self._connection.cursor()
