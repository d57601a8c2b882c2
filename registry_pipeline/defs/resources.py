"""The registry home as a Dagster resource, and the partition of facilities.

Belongs here: shells around ordinary objects.
Does not belong here: settings (``registry_pipeline/core/settings.py``).
"""

from collections.abc import Iterator
from functools import cached_property

import dagster as dg

from registry_pipeline.core.home import Home
from registry_pipeline.core.memory import bounded_memory
from registry_pipeline.defs.guard import guarded
from registry_pipeline.operations.audit import read_audit_log
from registry_pipeline.pipeline.context import RefreshContext, read_context
from registry_pipeline.pipeline.step import refresh_lock

FACILITY_PARTITION = "facility"
FACILITIES = dg.DynamicPartitionsDefinition(name=FACILITY_PARTITION)


class RegistryRun:
    """The home of one run.

    Attributes:
        home: the registry home.
        done: (step, facility) of what workers did for this run (``defs/cluster``).
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        self.done: set[tuple[str, str]] = set()

    @cached_property
    def context(self) -> RefreshContext:
        """What the assets of the run go by: read by the first of them that comes after landing."""
        return read_context(self.home)


Registry = dg.ResourceParam[RegistryRun]


def registry_resource(home: Home) -> dg.ResourceDefinition:
    """The home for a run, which holds the lock of the store for as long as it lasts.

    It takes no configuration: whoever may launch a run could else have it read and publish in another folder.
    """

    @dg.resource(config_schema={}, description=f"The registry home {home.root}.")
    def registry(_: dg.InitResourceContext) -> Iterator[RegistryRun]:
        with guarded(home), refresh_lock(home), bounded_memory(home.settings().refresh.memory_limit):
            read_audit_log(home)  # a run that could not be recorded does not begin
            yield RegistryRun(home)

    return registry
