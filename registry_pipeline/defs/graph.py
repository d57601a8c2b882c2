"""The whole graph: every asset, check, job, schedule, sensor and resource, assembled once.

Belongs here: the assembly, with another home for tests. Does not belong here: any definition.
"""

import os
from pathlib import Path

import dagster as dg

from registry_pipeline.core.home import Home
from registry_pipeline.core.settings import Refresh
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.defs.automation import (
    REFRESH_JOB,
    alerts,
    inbox_sensor,
    refused_refresh,
    scheduled_refresh,
)
from registry_pipeline.defs.console import step_lines
from registry_pipeline.defs.facility_assets import screened, staged, submission
from registry_pipeline.defs.registry_assets import curated, mart, proofs, quality, release, result
from registry_pipeline.defs.resources import registry_resource


def build_definitions(home: Home | None = None) -> dg.Definitions:
    """The whole graph, over the home of REGISTRY_HOME or over another one (tests)."""
    home = home or Home(Path(os.environ.get("REGISTRY_HOME", "registry_home")).expanduser().resolve())
    return dg.Definitions(
        assets=[submission, staged, screened, curated, mart, result, quality, release],
        asset_checks=[proofs],
        jobs=[REFRESH_JOB, *_batch_jobs(home)],
        schedules=[scheduled_refresh(home, _schedule_settings(home))],
        sensors=[inbox_sensor(home), refused_refresh(home), alerts(home)],
        resources={"registry": registry_resource(home)},
        loggers={"console": step_lines},
        executor=dg.in_process_executor,
    )


def _schedule_settings(home: Home) -> Refresh:
    """The schedule's settings; the defaults while there is no home, or its registry.toml is wrong.

    A wrong registry.toml is told by every run, not by a page that does not open.
    """
    try:
        return home.settings().refresh
    except ConfigurationError:
        return Refresh()


def _batch_jobs(home: Home) -> list[dg.JobDefinition]:
    """The job that workers take part in, for the page that shows its runs; none where nothing is divided."""
    try:
        if home.settings().execution.engine != "celery":
            return []
        from registry_pipeline.defs.cluster.batches import batches_job

        return [batches_job(home)]
    except (ConfigurationError, ModuleNotFoundError):
        return []  # every run tells it
