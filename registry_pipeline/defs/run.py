"""A refresh through Dagster, in this process: what ``registry refresh`` and the tests call.

Belongs here: one run of the whole graph over an instance.
Does not belong here: the daemon and the page (``registry dev``).
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.pool import QueuePool

from registry_pipeline.core.files import disk_errors_as_store_error
from registry_pipeline.core.home import Home
from registry_pipeline.core.sql_files import SQL_FOLDER
from registry_pipeline.defs.abandoned import HELD_TAGS, end_abandoned_runs
from registry_pipeline.defs.automation import range_tags, register_facilities
from registry_pipeline.defs.console import step_lines
from registry_pipeline.defs.graph import build_definitions
from registry_pipeline.defs.guard import failure_of
from registry_pipeline.defs.request import request_tags
from registry_pipeline.defs.resources import RegistryHome
from registry_pipeline.pipeline.refresh import chosen_facilities
from registry_pipeline.pipeline.step import refresh_lock

_LOGS: tuple[Any, ...] = (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage)


def refresh_through_dagster(
    home: Home,
    facilities: Sequence[str] = (),
    force: bool = False,
    instance: dg.DagsterInstance | None = None,
) -> None:
    """One run of every asset for every facility; steps that have nothing to do end at once.

    Args:
        home: the registry home.
        facilities: with ``force``, those that are read and judged again; all by default.
        force: do every step again.
        instance: the home's own by default.

    Raises:
        Refused: a blocking check or the release's own checks stopped the run; the old one is still served.
        ConfigurationError: registry.toml or a mapping is wrong.
        InternalFailure: a bug; its details lie in a private file.
    """
    chosen_facilities(home, facilities)
    # Dagster's own log may be the first to meet a full disk.
    with refresh_lock(home), disk_errors_as_store_error(home.root / "dagster" / "history"):
        chosen = instance or open_instance(home)
        end_abandoned_runs(chosen, home)
        facility_ids = register_facilities(chosen, home)
        definitions = build_definitions(RegistryHome(root=str(home.root)))
        job = definitions.resolve_job_def("refresh").with_logger_defs({"console": step_lines})
        tags = {**range_tags(facility_ids), **request_tags(facilities, force), **HELD_TAGS}
        with _engines_kept():
            outcome = job.execute_in_process(
                run_config={"loggers": {"console": {}}}, instance=chosen, tags=tags, raise_on_error=False
            )
    if not outcome.success:
        raise failure_of(outcome)


def open_instance(home: Home) -> dg.DagsterInstance:
    """The Dagster instance of a home: its own folder, no telemetry."""
    folder = home.root / "dagster"
    folder.mkdir(exist_ok=True, mode=0o700)
    configured = folder / "dagster.yaml"
    if not configured.exists():
        shutil.copyfile(SQL_FOLDER.parent / "dagster_home" / "dagster.yaml", configured)
    if not event.contains(Engine, "connect", _write_without_waiting):
        event.listen(Engine, "connect", _write_without_waiting)
    os.environ["DAGSTER_HOME"] = str(folder)
    return dg.DagsterInstance.get()


@contextmanager
def _engines_kept() -> Iterator[None]:
    """Keep one engine with its connection for each SQLite file of Dagster's log, for the length of a run.

    Dagster makes an engine and opens a file for each of some thousand statements: every one is then compiled
    anew, and whoever closes a file last writes its log back and deletes it, which takes longer than the statement.
    """
    kept: dict[str, Engine] = {}

    def engine_of(url: str, **options: Any) -> Engine:
        if url not in kept:
            kept[url] = create_engine(url, **{**options, "poolclass": QueuePool})
            # Dagster disposes of an engine after each statement; the file has to stay open until the end.
            kept[url].dispose = lambda close=True: None  # type: ignore[method-assign]
        return kept[url]

    changed = [module for module in _LOGS if hasattr(module, "create_engine")]
    before = [module.create_engine for module in changed]
    for module in changed:
        module.create_engine = engine_of
    try:
        yield
    finally:
        for module, made in zip(changed, before, strict=True):
            module.create_engine = made
        for engine in kept.values():
            Engine.dispose(engine)


def _write_without_waiting(connection: Any, _: Any) -> None:
    """Let Dagster's SQLite log not wait for the disk after each of some hundred events of a run.

    The log says what ran; after a power failure a few of its last events may be missing, which costs
    nothing: data and releases are written and synchronised by the store, not by Dagster.
    """
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")
