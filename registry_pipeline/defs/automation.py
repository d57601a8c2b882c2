"""What starts a refresh without a person: the schedule and the sensor on the inbox.

Belongs here: the job, its schedule, the sensor, the freshness policy.
Does not belong here: what a refresh does.
"""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import dagster as dg

from registry_pipeline.core.home import Home
from registry_pipeline.core.settings import Refresh
from registry_pipeline.defs.abandoned import end_abandoned_runs
from registry_pipeline.defs.resources import FACILITY_PARTITION, RegistryHome
from registry_pipeline.pipeline.step import digest_of

FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=8), warn_window=timedelta(days=2))
REFRESH_JOB = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    description="Everything in the inbox, to a new release.",
    executor_def=dg.in_process_executor,
    config={"loggers": {"console": {}}},  # the console logger of console.py instead of every event
)


def range_tags(facility_ids: Sequence[str]) -> dict[str, str]:
    """Tags with which one run takes all these facilities, and what follows from them."""
    return {
        "dagster/asset_partition_range_start": facility_ids[0],
        "dagster/asset_partition_range_end": facility_ids[-1],
    }


def register_facilities(instance: dg.DagsterInstance, home: Home) -> list[str]:
    """A facility appears as a partition when its TOML does. All partitions, in Dagster's order."""
    known = set(instance.get_dynamic_partitions(FACILITY_PARTITION))
    if new := [one for one in home.facility_ids() if one not in known]:
        instance.add_dynamic_partitions(FACILITY_PARTITION, new)
    for gone in known - set(home.facility_ids()):
        instance.delete_dynamic_partition(FACILITY_PARTITION, gone)
    return list(instance.get_dynamic_partitions(FACILITY_PARTITION))


def _request(
    context: dg.ScheduleEvaluationContext | dg.SensorEvaluationContext, home: Home, run_key: str
) -> dg.RunRequest | dg.SkipReason:
    facility_ids = register_facilities(context.instance, home)
    if not facility_ids:
        return dg.SkipReason("no facility has a mapping yet")
    return dg.RunRequest(run_key=run_key, tags=range_tags(facility_ids))


def scheduled_refresh(settings: Refresh) -> dg.ScheduleDefinition:
    """A refresh at the time of registry.toml."""

    @dg.schedule(
        job=REFRESH_JOB,
        cron_schedule=settings.cron,
        execution_timezone=settings.timezone,
        name="scheduled_refresh",
        description="A refresh at the time of registry.toml.",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def evaluate(
        context: dg.ScheduleEvaluationContext, registry: RegistryHome
    ) -> dg.RunRequest | dg.SkipReason:
        home = registry.open()
        end_abandoned_runs(context.instance, home)
        return _request(context, home, context.scheduled_execution_time.isoformat())

    return evaluate


@dg.sensor(
    job=REFRESH_JOB,
    minimum_interval_seconds=30,
    name="inbox_sensor",
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def inbox_sensor(
    context: dg.SensorEvaluationContext, registry: RegistryHome
) -> dg.RunRequest | dg.SkipReason:
    """A refresh when the inbox or a mapping changed since the last one; names and times only, no content."""
    home = registry.open()
    end_abandoned_runs(context.instance, home)
    watched = sorted([*home.inbox.glob("*/*"), *home.facilities.glob("*.toml"), home.settings_file])
    run_key = digest_of("|".join(map(_signature, watched)))
    if run_key == context.cursor:
        return dg.SkipReason("nothing new in the inbox")
    context.update_cursor(run_key)
    return _request(context, home, run_key)


def _signature(path: Path) -> str:
    """Name, size and time of a file; of a link its own, and of what has just gone the name alone."""
    try:
        status = path.lstat()
    except OSError:
        return path.name
    return f"{path.name}:{status.st_size}:{status.st_mtime_ns}"
