"""The whole graph: every asset, check, job, schedule, sensor and resource, assembled once.

Belongs here: the assembly, with another home for tests. Does not belong here: any definition.
"""

import os
from pathlib import Path

import dagster as dg

from registry_pipeline.core.home import open_home
from registry_pipeline.core.settings import Refresh
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.defs.automation import REFRESH_JOB, inbox_sensor, scheduled_refresh
from registry_pipeline.defs.console import step_lines
from registry_pipeline.defs.facility_assets import screened, staged, submission
from registry_pipeline.defs.registry_assets import curated, mart, proofs, quality, release, result
from registry_pipeline.defs.resources import RegistryHome


def build_definitions(home: RegistryHome | None = None) -> dg.Definitions:
    """The whole graph, over the home of REGISTRY_HOME or over another one (tests)."""
    root = Path(home.root if home else os.environ.get("REGISTRY_HOME", "registry_home"))
    return dg.Definitions(
        assets=[submission, staged, screened, curated, mart, result, quality, release],
        asset_checks=[proofs],
        jobs=[REFRESH_JOB],
        schedules=[scheduled_refresh(_schedule_settings(root))],
        sensors=[inbox_sensor],
        resources={"registry": home or RegistryHome(root=dg.EnvVar("REGISTRY_HOME"))},
        loggers={"console": step_lines},
        executor=dg.in_process_executor,
    )


def _schedule_settings(root: Path) -> Refresh:
    """The schedule's settings; the defaults while there is no home, or its registry.toml is wrong.

    A wrong registry.toml is told by every run, not by a page that does not open.
    """
    try:
        return open_home(root).settings().refresh
    except ConfigurationError:
        return Refresh()
