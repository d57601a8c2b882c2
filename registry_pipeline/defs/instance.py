"""The Dagster instance of a home: the one place that opens it, mends it and keeps it small.

Belongs here: its folder, ``dagster.yaml``, what is damaged, runs that are old.
Does not belong here: how the history is written (``history.py``), runs whose process is gone (``abandoned.py``).
"""

import logging
import os
import re
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster._core.instance.config import dagster_instance_config
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster_shared.check import CheckError
from sqlalchemy import select
from sqlalchemy.exc import DatabaseError, OperationalError

from registry_pipeline.core.files import StoreError, disk_errors_as_store_error, system_refusal
from registry_pipeline.core.home import Home
from registry_pipeline.core.native_panics import panics_as_exceptions
from registry_pipeline.core.sql_files import SQL_FOLDER

TEMPLATE = SQL_FOLDER.parent / "dagster_home" / "dagster.yaml"
HISTORY = ("history/runs.db", "history/runs/index.db")
SCHEDULES = ("schedules/schedules.db",)
MOST_PRUNED = 20
"""Runs that are removed at once; the sensor has to answer within a minute."""
FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
Echo = Callable[[str], object]


def print_line(line: str) -> None:
    """Say a line as the command does."""
    sys.stderr.write(f"registry: {line}\n")


def instance_environment(home: Home) -> dict[str, str]:
    """Variables by which Dagster's processes find the instance and the registry of a home, and talk to nobody.

    Whoever writes a ``dagster.yaml`` may leave out the section that switches telemetry off.
    """
    folder = home.root / "dagster"
    folder.mkdir(exist_ok=True, mode=0o700)
    return {"DAGSTER_HOME": str(folder), "REGISTRY_HOME": str(home.root), "DAGSTER_DISABLE_TELEMETRY": "yes"}


def open_instance(home: Home, echo: Echo = print_line) -> dg.DagsterInstance:
    """The instance of a home. What is damaged is set aside with a line, and made anew.

    Raises:
        StoreError: the database of its history cannot be reached, the library that speaks to it is missing, the disk is
            full, or ``dagster.yaml`` may not be read: that is no damage, and the file stays.
    """
    environment = instance_environment(home)
    os.environ.update(environment)
    folder = Path(environment["DAGSTER_HOME"])
    set_damaged_history_aside(folder, echo)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    settings = folder / "dagster.yaml"
    with disk_errors_as_store_error(folder / "history"):
        if _is_no_configuration(settings):
            _set_aside(folder, [settings.name], echo)
        try:
            with panics_as_exceptions(), _no_attempt_logged():
                return _opened(folder, settings)
        except (dg.DagsterInvalidConfigError, CheckError) as problem:
            if (missing := _missing_library(problem)) is not None:
                raise StoreError(
                    f"{settings}: names a storage whose library {missing} is not installed; see docs/operator.md"
                ) from None
            if (
                unset := re.search(r'environment variable "(\w+)" which is not set', str(problem))
            ) is not None:
                raise StoreError(
                    f"{settings}: names the variable {unset[1]}, which is not set in the environment"
                ) from None
            if settings.read_bytes() == TEMPLATE.read_bytes():
                raise
            _set_aside(
                folder, [settings.name], echo
            )  # it names a class, or options of one, that there are not
            return _opened(folder, settings)
        except (
            Exception
        ) as problem:  # a server's library has a kind of its own for what it tried several times
            refused = problem if isinstance(problem, OperationalError) else problem.__cause__
            if not isinstance(refused, OperationalError) or system_refusal(refused) is not None:
                raise
            reason = str(refused.orig).partition("\n")[0]
            raise StoreError(
                f"{folder}: the database of Dagster's history cannot be reached ({reason})"
            ) from None


@contextmanager
def _no_attempt_logged() -> Iterator[None]:
    """Inside the block nobody hears of attempts to reach a database, of which the last one is told in a line."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _is_no_configuration(settings: Path) -> bool:
    """Whether a file is no YAML, or holds what Dagster does not know.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        if not settings.exists() or settings.read_bytes() == TEMPLATE.read_bytes():
            return False
    except OSError as problem:
        raise StoreError(
            f"{settings}: cannot be read ({problem.strerror}); check what it is, its owner and its mode"
        ) from None
    try:
        with panics_as_exceptions():
            dagster_instance_config(str(settings.parent))
    except (OSError, MemoryError):
        raise
    except Exception as problem:  # parsers raise whatever kind a text brings them to
        return _missing_library(problem) is None
    return False


def _missing_library(problem: BaseException | None) -> str | None:
    """The module that could not be imported, where that is why the instance does not open."""
    while problem is not None:
        if isinstance(problem, ModuleNotFoundError):
            return problem.name
        problem = problem.__cause__ or problem.__context__
    return None


def _opened(folder: Path, settings: Path) -> dg.DagsterInstance:
    if not settings.exists():
        shutil.copyfile(TEMPLATE, settings)
    return dg.DagsterInstance.from_config(str(folder))


def set_damaged_history_aside(folder: Path, echo: Echo = print_line, is_certain: bool = False) -> bool:
    """Move a damaged history out of the way; whether there was one.

    Data and releases are not in it: what is lost is the list of earlier runs.

    Args:
        folder: of the instance.
        echo: told what was set aside.
        is_certain: a statement has met the damage already.
    """
    if is_certain or any(_is_damaged(folder / name) for name in HISTORY):
        _set_aside(folder, ["history"], echo)
        is_certain = True
    if any(_is_damaged(folder / name) for name in SCHEDULES):
        _set_aside(folder, ["schedules"], echo)
        return True
    return is_certain


def _is_damaged(database: Path) -> bool:
    if not database.exists():
        return False
    try:
        with closing(sqlite3.connect(database)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
    except sqlite3.OperationalError:  # busy, or not to be opened by us: not ours to judge
        return False
    except sqlite3.DatabaseError:
        return True


def is_damage(problem: BaseException) -> bool:
    """Whether a failure says that a file of the history is damaged, rather than busy or full."""
    return isinstance(problem, DatabaseError) and type(problem.orig) is sqlite3.DatabaseError


def _set_aside(folder: Path, names: list[str], echo: Echo) -> None:
    aside = folder / f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    aside.mkdir(mode=0o700)
    for name in names:
        (folder / name).rename(aside / name)
        echo(f"{folder / name} is damaged; it was set aside in {aside.name}, and a new one is made")


def prune_history(instance: dg.DagsterInstance, n_kept: int) -> int:
    """Remove the oldest finished runs beyond ``n_kept``, a few at a time; how many were removed."""
    n_surplus = min(instance.get_runs_count(dg.RunsFilter(statuses=FINISHED)) - n_kept, MOST_PRUNED)
    if n_surplus <= 0:
        return 0
    runs = instance.get_run_records(dg.RunsFilter(statuses=FINISHED), limit=n_surplus, ascending=True)
    for record in runs:
        run_id = record.dagster_run.run_id
        instance.delete_run(run_id)
        _remove_files(Path(instance.root_directory), run_id)
    _remove_executions(instance)
    for name in HISTORY:
        _give_back(Path(instance.root_directory) / name)
    return len(runs)


def _remove_executions(instance: dg.DagsterInstance) -> None:
    """Remove what checks of runs that are gone have left, whoever removed them: Dagster's storages keep it for ever."""
    storage = instance.event_log_storage
    assert isinstance(storage, SqlEventLogStorage)
    run_id = AssetCheckExecutionsTable.c.run_id
    with storage.index_transaction() as connection:
        noted = set(connection.execute(select(run_id).distinct()).scalars())
        for gone in noted - set(instance.get_run_ids()):  # asked later: a run is there before its checks are
            connection.execute(AssetCheckExecutionsTable.delete().where(run_id == gone))


def _give_back(database: Path) -> None:
    """Give emptied pages back to the disk, where they are most of a file; not while somebody writes it.

    SQLite fills them again, so a history that only keeps its length needs no vacuum.
    """
    if not database.is_file():  # another storage keeps the history
        return
    try:
        with closing(sqlite3.connect(database, timeout=1)) as connection:
            n_free, n_pages = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("freelist_count", "page_count")
            )
            if n_free > n_pages / 2:
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError:  # busy, or the disk has no room for the copy: the next time
        return


def _remove_files(folder: Path, run_id: str) -> None:
    """The files of one run: SQLite keeps the emptied pages of the run's own database, and its output is kept apart."""
    for path in (folder / "history" / "runs").glob(f"{run_id}.db*"):
        path.unlink(missing_ok=True)
    shutil.rmtree(folder / "storage" / run_id, ignore_errors=True)
