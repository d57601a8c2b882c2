"""A worker's part of a refresh: staging and screening a batch of facilities.

Belongs here: the order of the steps for each facility. Does not belong here: the steps (``pipeline/staging.py``, ``pipeline/screening.py``).
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import Home
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.pipeline import screening, staging
from registry_pipeline.pipeline.cluster.lease import at_work
from registry_pipeline.pipeline.cluster.manifest import read_manifest, worker_context
from registry_pipeline.pipeline.errors import Refused

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
    counts = {}
    with _machine_named():
        context = worker_context(home, read_manifest(home, refresh_id), facility_ids)
        for facility_id in facility_ids:
            with at_work(home, refresh_id, facility_id, context.settings.execution.lease_seconds):
                if STAGE in steps:
                    counts[facility_id] = sum(staging.stage(context, facility_id, force).values())
                if SCREEN in steps:
                    report = screening.screen(context, facility_id, force)
                    counts[facility_id] = sum(report.n_accepted.values())
    return counts


@contextmanager
def _machine_named() -> Iterator[None]:
    """Say of a failure on which machine it was: there a file may be missing or closed that is well on the coordinator's."""
    where = f"; so said the worker on {socket.gethostname()}"
    try:
        yield
    except ConfigurationError as problem:
        raise ConfigurationError(problem.path, problem.line, f"{problem.message}{where}") from None
    except (Refused, StoreError) as problem:
        raise type(problem)(f"{problem}{where}") from None
    except OSError as problem:
        named = f"{problem.filename}: " if problem.filename else ""
        raise StoreError(f"{named}{problem.strerror or type(problem).__name__}{where}") from None
