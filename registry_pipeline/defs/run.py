"""A refresh through Dagster, in this process: what ``registry refresh`` and the tests call.

Belongs here: one run of the whole graph over an instance.
Does not belong here: the daemon and the page (``registry dev``).
"""

import os
import shutil
import sqlite3
from typing import Any

import dagster as dg
from sqlalchemy import event
from sqlalchemy.engine import Engine

from registry_pipeline.defs.automation import range_tags, register_facilities
from registry_pipeline.defs.resources import RegistryHome
from registry_pipeline.home import Home
from registry_pipeline.sql_source import SQL_FOLDER
from registry_pipeline.steps.problems import Refused


def refresh_through_dagster(home: Home, instance: dg.DagsterInstance | None = None) -> bool:
    """One run of every asset for every facility.

    Returns:
        True when the run succeeded.

    Raises:
        Refused: a blocking check or a step stopped the run; the old release is still served.
    """
    from registry_pipeline.definitions import build_definitions

    chosen = instance or open_instance(home)
    facility_ids = register_facilities(chosen, home)
    if not facility_ids:
        raise Refused("no facility has a mapping yet; put one into " + str(home.facilities))
    definitions = build_definitions(RegistryHome(root=str(home.root)))
    job = definitions.resolve_job_def("refresh")
    outcome = job.execute_in_process(instance=chosen, tags=range_tags(facility_ids), raise_on_error=False)
    if not outcome.success:
        raise Refused(_why(outcome))
    return True


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


def _write_without_waiting(connection: Any, _: Any) -> None:
    """Let Dagster's SQLite log not wait for the disk after each of some hundred events of a run.

    The log says what ran; after a power failure a few of its last events may be missing, which costs
    nothing: data and releases are written and synchronised by the store, not by Dagster.
    """
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


def _why(outcome: dg.ExecuteInProcessResult) -> str:
    """The first failure in its own words (guarded: no values)."""
    for one in outcome.all_events:
        if one.is_step_failure:
            failure = one.step_failure_data
            return str(
                failure.user_failure_data.description if failure.user_failure_data else "a step failed"
            )
    return "a blocking check failed"
