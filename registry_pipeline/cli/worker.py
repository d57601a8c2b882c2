"""The command of a machine that works for a refresh: worker.

Belongs here: arguments. Does not belong here: what a worker does (``defs/cluster/``).
"""

from __future__ import annotations

import click

from registry_pipeline.cli.context import CONTEXT, own_options
from registry_pipeline.core.toml_source import read_toml


@click.command()
@own_options
@click.option("--processes", type=click.IntRange(min=1), default=1, show_default=True,
              help="Batches of facilities at a time.")  # fmt: skip
def worker(processes: int) -> None:
    """Work for refreshes that another machine leads: stage and screen facilities (docs/cluster.md).

    Needs engine = "celery" in registry.toml, and this home at the same path on both machines.
    """
    home = CONTEXT.home()
    if home.settings().execution.engine != "celery":
        raise read_toml(home.settings_file).error(
            ["execution", "engine"], 'workers need [execution] engine = "celery", broker and backend'
        )
    try:
        from registry_pipeline.defs.cluster.worker import run_worker
    except ModuleNotFoundError as problem:
        if problem.name not in ("celery", "dagster_celery"):
            raise
        raise read_toml(home.settings_file).error(
            ["execution", "engine"], 'is not installed here: pip install "registry-pipeline[cluster]"'
        ) from None
    run_worker(home, processes)


COMMANDS = (worker,)
