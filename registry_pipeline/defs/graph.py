"""The whole graph: every asset, check, job, schedule, sensor and resource, assembled once.

Belongs here: the assembly, with another home for tests. Does not belong here: any definition.
"""

import dagster as dg

from registry_pipeline.defs.automation import REFRESH_JOB, inbox_sensor, scheduled_refresh
from registry_pipeline.defs.console import step_lines
from registry_pipeline.defs.facility_assets import screened, staged, submission
from registry_pipeline.defs.registry_assets import curated, mart, quality, release, result
from registry_pipeline.defs.resources import RegistryHome


def build_definitions(home: RegistryHome | None = None) -> dg.Definitions:
    """The whole graph, over the home of REGISTRY_HOME or over another one (tests)."""
    return dg.Definitions(
        assets=[submission, staged, screened, curated, mart, result, quality, release],
        jobs=[REFRESH_JOB],
        schedules=[scheduled_refresh],
        sensors=[inbox_sensor],
        resources={"registry": home or RegistryHome(root=dg.EnvVar("REGISTRY_HOME"))},
        loggers={"console": step_lines},
        executor=dg.in_process_executor,
    )
