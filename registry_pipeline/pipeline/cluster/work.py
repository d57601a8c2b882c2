"""A worker's part of a refresh: staging and screening a batch of facilities.

Belongs here: the order of the steps for each facility. Does not belong here: the steps (``pipeline/staging.py``, ``pipeline/screening.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from registry_pipeline.core.home import Home
from registry_pipeline.pipeline import screening, staging
from registry_pipeline.pipeline.cluster.lease import at_work
from registry_pipeline.pipeline.cluster.manifest import read_manifest, worker_context

STAGE, SCREEN = "stage", "screen"


def work_on(
    home: Home, refresh_id: str, facility_ids: Sequence[str], steps: Collection[str], force: bool = False
) -> dict[str, int]:
    """Do steps of a refresh for a batch of facilities: facility -> accepted records, or staged rows.

    Args:
        home: the registry home, shared with the coordinator.
        refresh_id: whose manifest to go by.
        steps: ``stage``, ``screen`` or both.
        force: do them again, also where nothing has changed.

    Raises:
        Refused: the refresh has ended, or this worker may not work for it.
        ConfigurationError, StoreError: as the steps.
    """
    context = worker_context(home, read_manifest(home, refresh_id), facility_ids)
    counts = {}
    for facility_id in facility_ids:
        with at_work(home, refresh_id, facility_id, context.settings.execution.lease_seconds):
            if STAGE in steps:
                counts[facility_id] = sum(staging.stage(context, facility_id, force).values())
            if SCREEN in steps:
                counts[facility_id] = sum(screening.screen(context, facility_id, force).n_accepted.values())
    return counts
