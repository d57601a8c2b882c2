"""Runs whose process was killed: they would count as running for ever and keep the next one waiting.

Belongs here: finding and ending them. Does not belong here: what a killed run left in the store, which the next
refresh sweeps (``store/parquet.py``).

``registry refresh`` holds the lock of the store from the first step to the last. Whoever gets the lock knows
that no such refresh is alive, and that its unfinished runs in Dagster's log have no process any more.
"""

import dagster as dg

from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import Home
from registry_pipeline.pipeline.step import refresh_lock

HELD_TAG = "registry/holds_the_lock"
HELD_TAGS = {HELD_TAG: "true", "dagster/max_retries": "0"}
"""Tags of a run of ``registry refresh``. The daemon must not try it again: its copy would carry the tag without
the lock, and whoever started the refresh has been told."""
_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def end_abandoned_runs(instance: dg.DagsterInstance, home: Home) -> int:
    """Mark as failed the runs of ``registry refresh`` whose process is gone; how many there were."""
    wanted = dg.RunsFilter(statuses=_UNFINISHED, tags={HELD_TAG: "true"})
    if not instance.get_run_ids(wanted):
        return 0
    try:
        with refresh_lock(home):
            abandoned = instance.get_runs(wanted)
            for run in abandoned:
                instance.report_run_failed(
                    run, "The process of this run has gone; the next refresh starts anew."
                )
    except StoreError:  # a refresh is alive, and the runs may be its own
        return 0
    return len(abandoned)
