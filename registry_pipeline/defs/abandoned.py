"""Runs whose process was killed: they would count as running for ever and keep the next one waiting.

Belongs here: finding and ending them. Does not belong here: what a killed run left in the store, which the next
refresh sweeps (``core/files.py``).

Whoever runs a refresh, the command or a run of the daemon, holds the lock of the store from its first step to its
last, and the system frees it when the process dies. Whoever gets the lock knows that no refresh is alive.
"""

import time

import dagster as dg

from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import Home
from registry_pipeline.pipeline.step import refresh_lock

RUNNING = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
STARTING = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING]
GRACE_SECONDS = 60
"""Between the start of a run's process and its taking the lock."""
START_SECONDS = 600
"""Between the making of a run and the start of its process, on a machine that is busy."""


def end_abandoned_runs(instance: dg.DagsterInstance, home: Home, is_starting: bool = False) -> int:
    """Mark as failed the runs whose process is gone; how many there were.

    Args:
        instance: the home's.
        home: the registry home.
        is_starting: the caller starts the only daemon of this home, so no process can be on its way either.
    """
    run_filter = dg.RunsFilter(statuses=[*RUNNING, *STARTING])
    if not instance.get_run_ids(run_filter, limit=1):
        return 0
    try:
        with refresh_lock(home):
            abandoned = [
                record.dagster_run
                for record in instance.get_run_records(run_filter)
                if is_starting or _is_overdue(record)
            ]
            for run in abandoned:
                instance.report_run_failed(
                    run, "The process of this run has gone; the next refresh starts anew."
                )
    except StoreError:  # a refresh is alive, and the runs may be its own
        return 0
    return len(abandoned)


def _is_overdue(record: dg.RunRecord) -> bool:
    """Whether a run that is alive would hold the lock by now; one that began in a time to come is of a clock that was ahead."""
    begun = record.start_time or record.create_timestamp.timestamp()
    grace = START_SECONDS if record.dagster_run.status in STARTING else GRACE_SECONDS
    return abs(time.time() - begun) >= grace
