"""The coordinator's side: facilities with work to do are given to workers, and waited for.

Belongs here: what is given away, the run of the job, what its failure means. Does not belong here: the job
(``batches.py``), the assets, which afterwards find the work done (``defs/facility_assets.py``).
"""

from collections.abc import Sequence
from importlib.util import find_spec

import dagster as dg

from registry_pipeline.core.home import Home
from registry_pipeline.core.toml_source import ConfigurationError, read_toml
from registry_pipeline.defs.guard import failure_of
from registry_pipeline.defs.resources import RegistryRun
from registry_pipeline.pipeline.cluster.lease import leading
from registry_pipeline.pipeline.cluster.work import SCREEN, STAGE
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.errors import Refused
from registry_pipeline.pipeline.step_keys import outdated_facilities
from registry_pipeline.validation.decisions.in_force import merged_patients

FEWEST = 2
"""Facilities that are worth a message: a single one is done before a worker has been asked."""
EXTRA = "registry-pipeline[cluster]"
SERVICE_SECONDS = 30
"""How long a refresh waits for a broker that is being started anew."""


def distribute(
    run: RegistryRun, step: str, facility_ids: Sequence[str], force: bool, context: dg.AssetExecutionContext
) -> None:
    """Have workers do a step for those facilities that need it, where registry.toml says so; note what they did.

    Where nobody's screening depends on what another facility stages (no patients are merged by decision), a worker
    that has staged a facility also screens it.

    Raises:
        Refused: workers failed, none worked for too long, or this process was told to end.
        ConfigurationError: registry.toml, a mapping or the instance is not fit for it.
    """
    refresh, limits = run.context, run.context.settings.execution
    if limits.engine != "celery":
        return
    outdated = outdated_facilities(refresh)
    todo = [name for name in facility_ids if (force and (step, name) not in run.done) or name in outdated]
    todo = [name for name in todo if refresh.ledgers[name]]
    if len(todo) < FEWEST:
        return
    both = step == STAGE and not merged_patients(refresh.decisions.in_force)
    steps = [STAGE, SCREEN] if both else [step]
    run_batches(refresh, todo, steps, force, context.run.run_id, context.instance)
    run.done |= {(name, facility_id) for name in steps for facility_id in todo}


def run_batches(
    refresh: RefreshContext,
    facility_ids: Sequence[str],
    steps: Sequence[str],
    force: bool,
    refresh_id: str,
    instance: dg.DagsterInstance,
) -> None:
    """Have workers do steps for facilities, and wait; to be called by the one who holds the store's lock.

    Raises:
        Refused, ConfigurationError: as :func:`distribute`.
    """
    _refuse_unfit(refresh.home, instance)
    from registry_pipeline.defs.cluster.batches import facility_batches, run_config
    from registry_pipeline.defs.cluster.engine import watched_by
    from registry_pipeline.defs.cluster.services import await_services

    await_services(refresh.home, SERVICE_SECONDS)
    limits = refresh.settings.execution
    config = run_config(refresh_id, facility_ids, limits.workers, steps, force)
    with leading(refresh, refresh_id) as watch, watched_by(watch):
        outcome = dg.execute_job(
            dg.reconstructable(facility_batches), instance, run_config=config, raise_on_error=False,
            tags={"registry/refresh": refresh_id},
        )  # fmt: skip
    refresh.merged_patients.clear()  # workers have staged
    if watch.is_interrupted:
        raise Refused(
            "the refresh was stopped; workers end by themselves; the release that was served still is"
        )
    if watch.is_stalled:
        raise Refused(
            f"no worker has worked for this refresh for {limits.patience_seconds} seconds; start workers with: registry "
            "worker; the release that was served still is"
        )
    if not outcome.success:
        if not any(event.is_step_failure for event in outcome.all_events):
            raise Refused(
                "the broker was lost, or a worker could not end a batch (of at most "
                f"{limits.batch_seconds} seconds); Dagster's page of the run says which; the release that was served "
                "still is"
            )
        raise failure_of(outcome)


def _refuse_unfit(home: Home, instance: dg.DagsterInstance) -> None:
    """Said before anything is sent: the extra is missing, or the history lies where other machines cannot write."""
    missing = [name for name in ("dagster_celery", "dagster_postgres") if find_spec(name) is None]
    if missing:
        message = f'engine "celery" needs what is not installed here: pip install "{EXTRA}"'
        raise read_toml(home.settings_file).error(["execution", "engine"], message)
    from dagster_postgres import PostgresEventLogStorage

    if not isinstance(instance.event_log_storage, PostgresEventLogStorage):
        path = home.root / "dagster" / "dagster.yaml"
        message = 'engine "celery" needs Dagster\'s history in PostgreSQL; see docs/cluster.md'
        raise ConfigurationError(path, None, message)
