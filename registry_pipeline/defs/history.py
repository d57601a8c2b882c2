"""Dagster's history of runs in SQLite, with one engine for each of its files.

Belongs here: the storage that ``dagster.yaml`` names, and how safely it writes.
Does not belong here: opening an instance (``instance.py``), what a run does.

Dagster's own SQLite storage makes an engine, opens a file and closes it again for each of some thousand statements of
a run: every statement is compiled anew, and whoever closes a file last writes its log back and deletes it. With the
engines kept a refresh of twelve patients took 9.0 s of CPU time instead of 13.7 s (single runs, on a busy machine).
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from dagster import EventLogEntry
from dagster._core.events import ASSET_EVENTS
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster_shared.check import invariant
from sqlalchemy.engine import Connection, Engine

MOST_ENGINES = 8
"""Engines of one storage; each run has a file of its own, and a page that lists runs opens many."""
BUSY_SECONDS = 30
BATCH_SIZE = "DAGSTER_EVENT_BATCH_SIZE"
EVENTS_AT_ONCE = "1000"
"""What Dagster hands over together: the events of one asset, one for each facility."""


class _Engines:
    """The engines of one storage by address of their file, the least recently used closed first."""

    def __init__(self) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._lock = threading.Lock()

    def engine(self, url: str) -> Engine:
        """The engine of a file."""
        with self._lock:
            if url not in self._engines:
                self._engines[url] = _engine(url)
                if len(self._engines) > MOST_ENGINES:
                    self._engines.popitem(last=False)[1].dispose()
            self._engines.move_to_end(url)
            return self._engines[url]

    def dispose(self) -> None:
        """Close every file."""
        with self._lock:
            while self._engines:
                self._engines.popitem()[1].dispose()


def _engine(url: str) -> Engine:
    engine = sqlalchemy.create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    sqlalchemy.event.listen(engine, "connect", _survive_power_cut)
    return engine


def _survive_power_cut(connection: Any, _: Any) -> None:
    """With a write-ahead log, NORMAL waits for the disk at checkpoints only.

    After a power cut the last events may be missing and the file is whole; with OFF it may be damaged.
    """
    connection.execute("PRAGMA synchronous = NORMAL")


class _OneFile:
    """A storage of one file, whose engine is kept from one transaction to the next."""

    _conn_string: str

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._engines = _Engines()
        super().__init__(*arguments, **options)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A transaction."""
        with self._engines.engine(self._conn_string).begin() as connection:
            yield connection

    def dispose(self) -> None:
        """Close the file."""
        self._engines.dispose()


class RunHistory(_OneFile, SqliteRunStorage):
    """Runs and their tags."""


class ScheduleHistory(_OneFile, SqliteScheduleStorage):
    """Ticks and states of schedules and sensors."""


class EventHistory(SqliteEventLogStorage):
    """Events: a file for each run, and an index over all."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._engines = _Engines()
        self._tables: set[str] = set()
        self._shown: list[str] | None = None
        os.environ.setdefault(BATCH_SIZE, EVENTS_AT_ONCE)
        super().__init__(*arguments, **options)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of one run in one transaction of each file; of an asset's the index keeps the last by itself.

        Event by event 1,000 facilities took Dagster 100 s of CPU time and more.
        """
        if any(event.dagster_event_type not in ASSET_EVENTS for event in events):
            super().store_event_batch(events)
            return
        rows = [self._event_to_row(event) for event in events]
        with self.run_connection(events[0].run_id) as connection:
            connection.execute(SqlEventLogStorageTable.insert(), rows)
        with self.index_transaction() as connection:
            insert = SqlEventLogStorageTable.insert().returning(
                SqlEventLogStorageTable.c.id, sort_by_parameter_order=True
            )
            numbers = list(connection.execute(insert, rows).scalars())
            self._store_asset_event_tags(connection, events, numbers)
            last = {(row["asset_key"], row["dagster_event_type"]): at for at, row in enumerate(rows)}
            for at in sorted(last.values()):
                self._store_asset_event(connection, events[at], numbers[at])

    @contextmanager
    def showing_partitions(self, names: list[str]) -> Iterator[None]:
        """Inside the block a run of this process, which is of a range of partitions, is of these only."""
        self._shown = names
        try:
            yield
        finally:
            self._shown = None

    def get_dynamic_partitions(self, partitions_def_name: str) -> Sequence[str]:
        """The partitions in the order in which they appeared."""
        return super().get_dynamic_partitions(partitions_def_name) if self._shown is None else self._shown

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table; asked of the file until it has."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engines.engine(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def dispose(self) -> None:
        """Close every file."""
        self._engines.dispose()


class RegistryHistory(DagsterSqliteStorage):
    """The three of them; the folders are those of Dagster's own SQLite storage."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        super().__init__(base_dir, inst_data=inst_data)
        self._run_storage.dispose()
        self._run_storage = RunHistory(self._run_storage._conn_string)
        self._event_log_storage = EventHistory(self._event_log_storage._base_dir)
        self._schedule_storage = ScheduleHistory(self._schedule_storage._conn_string)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "RegistryHistory":
        """The storage as ``dagster.yaml`` describes it.

        Raises:
            CheckError: the folder is relative, so that a history would begin wherever a command is called.
        """
        invariant(Path(config_value["base_dir"]).is_absolute(), "base_dir is no absolute path")
        return cls(config_value["base_dir"], inst_data)
