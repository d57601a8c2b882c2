"""How Celery is set up, the same for who sends work and who takes it: nothing is lost, nothing waits for ever.

Belongs here: the settings of the Celery application, Dagster's executor that waits for results.
Does not belong here: addresses and times (registry.toml), when to wait no longer (``pipeline/cluster/lease.py``).
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from string import Template
from typing import Any
from urllib.parse import quote

import dagster as dg
from celery.exceptions import TaskRevokedError
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster_celery.core_execution_loop import core_celery_execution_loop
from dagster_celery.executor import CeleryExecutor, _submit_task
from dagster_celery.make_app import make_app

from registry_pipeline.core.execution import Execution
from registry_pipeline.core.home import Home
from registry_pipeline.core.native_panics import panics_as_exceptions
from registry_pipeline.core.toml_source import read_toml
from registry_pipeline.pipeline.cluster.lease import Watch

REDELIVERY_SECONDS = 600
"""A message that was not acknowledged is another worker's after the longest work and so much more."""
_WATCHES: list[Watch] = []


class NobodyWorks(Exception):
    """No worker has worked for a refresh for as long as its patience lasts."""


@contextmanager
def watched_by(watch: Watch) -> Iterator[None]:
    """Inside the block an executor of this process waits no longer than the watch says."""
    _WATCHES.append(watch)
    try:
        yield
    finally:
        _WATCHES.remove(watch)


def address(home: Home, name: str) -> str:
    """An address of registry.toml with what the environment knows: passwords as they are, not quoted for addresses.

    Raises:
        ConfigurationError: a variable is not set, or empty.
    """
    known = {variable: quote(value, safe="") for variable, value in os.environ.items() if value}
    try:
        return Template(getattr(home.settings().execution, name)).substitute(known)
    except KeyError as missing:
        message = (
            f"'{name}' names the variable {missing.args[0]}, which is not set in the environment, or empty"
        )
        raise read_toml(home.settings_file).error(["execution", name], message) from None


def celery_settings(limits: Execution) -> dict[str, Any]:
    """Settings of the Celery application that do not depend on where its services are."""
    return {
        # A worker that is killed has not acknowledged what it was at: another takes it.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "worker_deduplicate_successful_tasks": True,
        "task_time_limit": limits.batch_seconds,
        "broker_transport_options": {
            "confirm_publish": True,  # RabbitMQ has it on its disk
            "visibility_timeout": limits.batch_seconds + REDELIVERY_SECONDS,  # Redis
            "max_retries": 60,
            "interval_start": 0,
            "interval_step": 0.2,
            "interval_max": 1,
        },
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "database_short_lived_sessions": True,  # a server that was started anew has closed the others
        "accept_content": ["json"],
        "result_accept_content": ["json"],
        "result_expires": 24 * 3600,
        "worker_hijack_root_logger": False,
        "task_default_queue": "dagster",
        "task_default_priority": 5,
    }


class WatchedCeleryExecutor(CeleryExecutor):  # type: ignore[misc]
    """Dagster's Celery executor, which by itself waits for ever where no worker is left."""

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Any:
        """The events of a run."""
        watch = _WATCHES[-1]
        app = make_app(self.app_args())  # type: ignore[no-untyped-call]
        app.backend.cleanup()  # results of earlier refreshes, which Celery leaves to a clock of its own

        def submit(*arguments: Any) -> _WatchedResult:
            with warnings.catch_warnings():  # it declares the task anew for each message, under the same name
                warnings.simplefilter("ignore")
                return _WatchedResult(_submit_task(*arguments), watch)

        try:
            yield from core_celery_execution_loop(plan_context, execution_plan, step_execution_fn=submit)
        except DagsterExecutionInterruptedError:
            watch.is_interrupted = True
            raise


class _WatchedResult:
    """A result to come; it has come, as a failure, where nobody works for it, and where nobody waits for it any more."""

    def __init__(self, result: Any, watch: Watch) -> None:
        self._result, self._watch, self._is_revoked = result, watch, False

    def ready(self) -> bool:
        has_result = self._has_come()
        return self._watch.look(has_result) or has_result or self._is_revoked

    def _has_come(self) -> bool:
        try:
            with panics_as_exceptions():
                return bool(self._result.ready())
        except Exception:  # of whichever library speaks to the backend, which may be on its way up again
            return False

    def get(self) -> Any:
        if self._is_revoked:
            raise TaskRevokedError
        if not self._has_come():
            raise NobodyWorks
        return self._result.get()

    def revoke(self) -> None:
        """Wait no longer; workers are not told, for the manifest of a refresh that has ended is gone."""
        self._is_revoked = True


def celery_executor(home: Home) -> WatchedCeleryExecutor:
    """The executor for a home; addresses with passwords are in no run's configuration.

    Raises:
        ConfigurationError: registry.toml is wrong, or a variable that it names is not set.
    """
    return WatchedCeleryExecutor(  # type: ignore[no-untyped-call]
        retries=RetryMode.DISABLED,
        broker=address(home, "broker"),
        backend=address(home, "backend"),
        config_source=celery_settings(home.settings().execution),
    )


def executor_definition(home: Home) -> dg.ExecutorDefinition:
    """The executor as a job takes it."""

    @dg.executor(name="celery", config_schema={}, requirements=dg.multiple_process_executor_requirements())
    def celery(_: dg.InitExecutorContext) -> dg.Executor:
        return celery_executor(home)

    return celery
