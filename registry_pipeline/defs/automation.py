"""What starts a refresh without a person: the schedule and the sensor on the inbox.

Belongs here: the job, its schedule, the sensor, the freshness policy.
Does not belong here: what a refresh does.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import dagster as dg

from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import Home
from registry_pipeline.core.settings import Refresh
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.defs.abandoned import end_abandoned_runs
from registry_pipeline.defs.instance import prune_history
from registry_pipeline.defs.request import is_of_the_command
from registry_pipeline.defs.resources import FACILITY_PARTITION
from registry_pipeline.operations.alerts.channels import NotSent
from registry_pipeline.operations.alerts.tell import tell_alerts
from registry_pipeline.operations.audit import record
from registry_pipeline.pipeline.step import refresh_lock
from registry_pipeline.pipeline.watched import inbox_signature, is_served
from registry_pipeline.store.releases import current_release

FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=8), warn_window=timedelta(days=2))
RUN_CONFIG: dict[str, Any] = {"loggers": {"console": {}}}
"""The console logger of console.py instead of every event."""
REFRESH_JOB = dg.define_asset_job(
    "refresh",
    selection=dg.AssetSelection.all(),
    description="Everything in the inbox, to a new release.",
    executor_def=dg.in_process_executor,
    config=RUN_CONFIG,
)
FIRST_RETRY_SECONDS = 60
LAST_RETRY_SECONDS = 6 * 3600
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def range_tags(facility_ids: Sequence[str]) -> dict[str, str]:
    """Tags with which one run takes all these facilities, and what follows from them."""
    return {
        "dagster/asset_partition_range_start": facility_ids[0],
        "dagster/asset_partition_range_end": facility_ids[-1],
    }


def register_facilities(instance: dg.DagsterInstance, home: Home) -> list[str]:
    """A facility appears as a partition when its TOML does. All partitions, in Dagster's order."""
    registered = set(instance.get_dynamic_partitions(FACILITY_PARTITION))
    if new := [facility_id for facility_id in home.facility_ids() if facility_id not in registered]:
        instance.add_dynamic_partitions(FACILITY_PARTITION, new)
    for facility_id in registered - set(home.facility_ids()):
        instance.delete_dynamic_partition(FACILITY_PARTITION, facility_id)
    return list(instance.get_dynamic_partitions(FACILITY_PARTITION))


@dataclass(frozen=True)
class Attempt:
    """What the sensor asked for last, as its cursor.

    Attributes:
        signature: of the files in question.
        number: how often they were asked for, from 1; 0 before the first time.
        at: when, in seconds since 1970.
    """

    signature: str = ""
    number: int = 0
    at: float = 0.0

    @classmethod
    def read(cls, cursor: str | None) -> "Attempt":
        """The attempt of a cursor; none of one that cannot be read."""
        try:
            return cls(**json.loads(cursor or ""))
        except (ValueError, TypeError):
            return cls()

    def seconds_left(self, now: float) -> float:
        """Until the same files are tried again: a minute at first, twice as long each time, six hours at most.

        None where the clock has gone back since: it would be as long as it was ahead.
        """
        if now < self.at:
            return 0.0
        # The exponent is bounded: a float has no room for 2 ** 1024.
        delay: int = min(FIRST_RETRY_SECONDS * 2 ** min(self.number - 1, 20), LAST_RETRY_SECONDS)
        return self.at + delay - now


def scheduled_refresh(home: Home, settings: Refresh) -> dg.ScheduleDefinition:
    """A refresh at the time of registry.toml."""

    @dg.schedule(
        job=REFRESH_JOB,
        cron_schedule=settings.cron,
        execution_timezone=settings.timezone,
        name="scheduled_refresh",
        description="A refresh at the time of registry.toml.",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def evaluate(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        end_abandoned_runs(context.instance, home)
        return _request(context.instance, home, context.scheduled_execution_time.isoformat())

    return evaluate


def inbox_sensor(home: Home) -> dg.SensorDefinition:
    """A refresh when the inbox or a mapping differs from what the last release was made of."""

    @dg.sensor(
        job=REFRESH_JOB,
        minimum_interval_seconds=30,
        name="inbox_sensor",
        description="A refresh when the inbox or a mapping differs from what the last release was made of.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def evaluate(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        _keep_history_small(context.instance, home)
        end_abandoned_runs(context.instance, home)
        signature, now = inbox_signature(home), time.time()
        if is_served(home, signature):
            return dg.SkipReason("nothing new in the inbox")
        last = Attempt.read(context.cursor)
        attempt = Attempt(signature, last.number + 1 if last.signature == signature else 1, now)
        if attempt.number > 1 and last.seconds_left(now) > 0:
            return dg.SkipReason("these files were tried a short while ago; they are tried again later")
        request = _request(context.instance, home, f"{signature}-{attempt.number}-{now:.0f}")
        if isinstance(request, dg.RunRequest):
            context.update_cursor(json.dumps(asdict(attempt)))
        return request

    return evaluate


def refused_refresh(home: Home) -> dg.SensorDefinition:
    """Records a run of the daemon that did not end well; the command records its own."""

    @dg.run_failure_sensor(
        monitored_jobs=[REFRESH_JOB],
        name="refused_refresh",
        description="Records in the audit log a run that did not end well.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def evaluate(context: dg.RunFailureSensorContext) -> None:
        if not is_of_the_command(context.dagster_run.tags):
            details = f"run {context.dagster_run.run_id}; why stands on Dagster's page"
            record(home, "refresh", "refused", current_release(home) or "", details)

    return evaluate


def alerts(home: Home) -> dg.SensorDefinition:
    """Tells what alerts.toml wants told: also what no refresh shows, such as a facility's silence."""

    @dg.sensor(
        minimum_interval_seconds=300,
        name="alerts",
        description="Tells what alerts.toml wants told; the command tells it too.",
        default_status=dg.DefaultSensorStatus.RUNNING,
        job=REFRESH_JOB,
    )
    def evaluate(_: dg.SensorEvaluationContext) -> dg.SkipReason:
        try:
            return dg.SkipReason(f"{len(tell_alerts(home))} alerts were told")
        except (NotSent, StoreError, ConfigurationError) as problem:
            return dg.SkipReason(str(problem))

    return evaluate


def _request(instance: dg.DagsterInstance, home: Home, run_key: str) -> dg.RunRequest | dg.SkipReason:
    """A run of everything, unless there is nothing to do or somebody is at it already."""
    facility_ids = register_facilities(instance, home)
    if not facility_ids:
        return dg.SkipReason("no facility has a mapping yet")
    if instance.get_run_ids(dg.RunsFilter(statuses=UNFINISHED), limit=1):
        return dg.SkipReason("a refresh is running or waits for its turn")
    try:
        with refresh_lock(home):
            return dg.RunRequest(run_key=run_key, run_config=RUN_CONFIG, tags=range_tags(facility_ids))
    except StoreError:
        return dg.SkipReason("a refresh is running")


def _keep_history_small(instance: dg.DagsterInstance, home: Home) -> None:
    try:
        prune_history(instance, home.settings().refresh.history_runs)
    except ConfigurationError:
        return  # every run tells it
