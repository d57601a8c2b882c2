"""A refresh through Dagster, in this process: what ``registry refresh`` and the tests call.

Belongs here: one run of the whole graph over an instance.
Does not belong here: the daemon and the page (``registry dev``).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg
from sqlalchemy.exc import DatabaseError

from registry_pipeline.core.files import disk_errors_as_store_error
from registry_pipeline.core.home import Home
from registry_pipeline.defs.abandoned import end_abandoned_runs
from registry_pipeline.defs.automation import RUN_CONFIG, range_tags, register_facilities
from registry_pipeline.defs.console import step_lines
from registry_pipeline.defs.graph import build_definitions
from registry_pipeline.defs.guard import failure_of
from registry_pipeline.defs.history import EventHistory
from registry_pipeline.defs.instance import (
    is_damage,
    open_instance,
    prune_history,
    set_damaged_history_aside,
)
from registry_pipeline.defs.request import NO_RETRY_TAGS, request_tags
from registry_pipeline.pipeline.context import read_context
from registry_pipeline.pipeline.refresh import chosen_facilities
from registry_pipeline.pipeline.step import refresh_lock
from registry_pipeline.pipeline.step_keys import outdated_facilities


def refresh_through_dagster(home: Home, facilities: Sequence[str] = (), force: bool = False) -> None:
    """One run of every asset for every facility; steps that have nothing to do end at once.

    Args:
        home: the registry home.
        facilities: with ``force``, those that are read and judged again; all by default.
        force: do every step again.

    Raises:
        Refused: a blocking check or the release's own checks stopped the run; the old one is still served.
        ConfigurationError: registry.toml or a mapping is wrong.
        InternalFailure: a bug; its details lie in a private file.
    """
    chosen_facilities(home, facilities)
    # Dagster's own log may be the first to meet a full disk.
    with refresh_lock(home), disk_errors_as_store_error(home.root / "dagster" / "history"):
        try:
            outcome = _run(home, facilities, force)
        except DatabaseError as problem:
            if not is_damage(problem):
                raise
            set_damaged_history_aside(home.root / "dagster", is_certain=True)
            outcome = _run(home, facilities, force)
    if not outcome.success:
        raise failure_of(outcome)


def _run(home: Home, facilities: Sequence[str], force: bool) -> dg.ExecuteInProcessResult:
    with open_instance(home) as instance:
        end_abandoned_runs(instance, home)
        prune_history(instance, home.settings().refresh.history_runs)
        job = build_definitions(home).resolve_job_def("refresh").with_logger_defs({"console": step_lines})
        with _with_work(instance, home, facilities, force) as partitions:
            tags = {**range_tags(partitions), **request_tags(facilities, force), **NO_RETRY_TAGS}
            return job.execute_in_process(
                run_config=RUN_CONFIG, instance=instance, tags=tags, raise_on_error=False
            )


@contextmanager
def _with_work(
    instance: dg.DagsterInstance, home: Home, facilities: Sequence[str], force: bool
) -> Iterator[list[str]]:
    """The partitions of a run in Dagster's order: of a thousand facilities those that have something to do, so that the
    history holds no event of the others. A database's history knows no other run than one of all."""
    partitions, history = register_facilities(instance, home), instance.event_log_storage
    if not isinstance(history, EventHistory) or (force and not facilities):
        yield partitions
        return
    active = set(facilities or outdated_facilities(read_context(home)))
    shown = [name for name in partitions if name in active] or partitions[:1]
    with history.showing_partitions(shown):
        yield shown
