"""What a run was asked for, as tags of the run.

Belongs here: writing and reading the tags. Does not belong here: what follows from them.
"""

from collections.abc import Mapping, Sequence

import dagster as dg

from registry_pipeline.core.home import Home

FORCE = "registry/force"
FACILITIES_TAG = "registry/facilities"
WHOLE = "registry/whole"
"""Of a run for every facility, of which only those with something to do are its partitions."""

NO_RETRY_TAGS = {"dagster/max_retries": "0"}
"""Of a run of ``registry refresh``: whoever started it has been told, and the daemon must not try it again."""


def is_of_the_command(tags: Mapping[str, str]) -> bool:
    """Whether a run is one of ``registry refresh``, which records itself what became of it."""
    return NO_RETRY_TAGS.items() <= tags.items()


def request_tags(facilities: Sequence[str], force: bool) -> dict[str, str]:
    """Tags for a run of some facilities only (none: of all) that does every step again (``force``)."""
    tags = {FACILITIES_TAG: ",".join(facilities)} if facilities else {WHOLE: "true"}
    return tags | ({FORCE: "true"} if force else {})


def is_forced(context: dg.AssetExecutionContext) -> bool:
    """Whether the run does every step again."""
    return context.run.tags.get(FORCE) == "true"


def facilities_of(context: dg.AssetExecutionContext, home: Home) -> list[str]:
    """The facilities that the run works for: its partitions, as far as it was not asked for some only, or all."""
    if context.run.tags.get(WHOLE) == "true":
        return home.facility_ids()
    named = context.run.tags.get(FACILITIES_TAG)
    partitions = sorted(context.partition_keys)
    return [partition for partition in partitions if partition in named.split(",")] if named else partitions
