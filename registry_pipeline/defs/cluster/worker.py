"""A worker: takes batches of facilities from the broker until it is told to end.

Belongs here: starting Celery's worker over a home. Does not belong here: how Celery is set up (``engine.py``).
"""

import multiprocessing.process
import os
from typing import Any

from celery.signals import worker_process_init
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_task

from registry_pipeline.core.home import Home
from registry_pipeline.defs.cluster.engine import celery_executor
from registry_pipeline.defs.cluster.services import await_services
from registry_pipeline.defs.instance import instance_environment
from registry_pipeline.pipeline.cluster.manifest import STARTED_WITH
from registry_pipeline.pipeline.step import code_version

_OWN_RECORD = multiprocessing.process.current_process()


def run_worker(home: Home, n_processes: int) -> None:
    """Serve a home until SIGTERM (what was begun is finished) or SIGQUIT.

    Only the task of a step is known: a message that asks for a whole run is not obeyed.

    Args:
        home: the registry home, at the same path as on the coordinator's machine.
        n_processes: batches at a time.

    Raises:
        Refused: the broker or the place of results did not answer for as long as the patience lasts.
        ConfigurationError: registry.toml is wrong, or a variable that it names is not set.
    """
    await_services(home, home.settings().execution.patience_seconds)
    os.environ.update(instance_environment(home))
    STARTED_WITH.append(code_version())
    app = make_app(celery_executor(home).app_args())  # type: ignore[no-untyped-call]
    create_task(app)
    worker_process_init.connect(allow_children)
    app.worker_main(
        ["worker", "--loglevel", "WARNING", "--concurrency", str(n_processes), "--queues", "dagster",
         "--hostname", f"registry-{os.getpid()}@%h", "--without-gossip", "--without-mingle"]
    )  # fmt: skip


def allow_children(**_: Any) -> None:
    """Let a process of Celery's pool start the helper that reads foreign formats.

    Celery's fork of ``multiprocessing`` puts its own record of the process, a daemon with a key that must not be handed on,
    in place of Python's.
    """
    multiprocessing.process._current_process = _OWN_RECORD  # type: ignore[attr-defined]
