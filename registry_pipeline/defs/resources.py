"""The registry home as a Dagster resource, and the partition of facilities.

Belongs here: shells around ordinary objects.
Does not belong here: settings (``registry_pipeline/core/settings.py``).
"""

from pathlib import Path

import dagster as dg

from registry_pipeline.core.home import Home, open_home

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
