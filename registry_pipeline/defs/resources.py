"""The registry home as a Dagster resource, and the partition of facilities.

Belongs here: shells around ordinary objects.
Does not belong here: settings (``registry_pipeline/core/settings.py``).
"""

from functools import lru_cache
from pathlib import Path

import dagster as dg

from registry_pipeline.core.home import Home, open_home
from registry_pipeline.pipeline.context import RefreshContext, read_context

FACILITY_PARTITION = "facility"
FACILITIES = dg.DynamicPartitionsDefinition(name=FACILITY_PARTITION)


class RegistryHome(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where the deployment's folders are.

    Attributes:
        root: the registry home; by default the variable REGISTRY_HOME.
    """

    root: str

    def open(self) -> Home:
        """The home, ready to use."""
        return open_home(Path(self.root))

    def context(self, run_id: str) -> RefreshContext:
        """What the assets of a run go by: read by the first of them that comes after landing."""
        return _context_of_run(self.root, run_id)


@lru_cache(maxsize=1)
def _context_of_run(root: str, _: str) -> RefreshContext:
    return read_context(open_home(Path(root)))
