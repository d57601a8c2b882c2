"""Landing, staging and screening: one partition per facility.

Belongs here: the assets of the layers that are made per facility, with their checks.
Does not belong here: what screening means (``validation/``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import dagster as dg

from registry_pipeline.defs.checks import screening_check_results, screening_check_specs
from registry_pipeline.defs.cluster.distribute import distribute
from registry_pipeline.defs.guard import IO_RETRY, guarded
from registry_pipeline.defs.lineage import upstream
from registry_pipeline.defs.naming import (
    SOURCE_ROW,
    SUBMISSION,
    key,
    record_tables,
    source_row_spec,
    table_schema,
    table_spec,
)
from registry_pipeline.defs.request import facilities_of, is_forced
from registry_pipeline.defs.resources import FACILITIES, Registry, RegistryRun
from registry_pipeline.pipeline.cluster.work import SCREEN, STAGE
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.refresh import take_in
from registry_pipeline.pipeline.screening import screen_together
from registry_pipeline.pipeline.staging import rows_read, stage_together

Result = TypeVar("Result")
SINGLE_RUN = dg.BackfillPolicy.single_run()


@dg.asset(
    key=SUBMISSION,
    group_name="landing",
    description="Files as received: the bytes by their sha256, and a row per file of a submission.",
    metadata={"dagster/column_schema": table_schema("meta.submission")},
    partitions_def=FACILITIES,
    backfill_policy=SINGLE_RUN,
    retry_policy=IO_RETRY,
    kinds={"file"},
)
def submission(context: dg.AssetExecutionContext, registry: Registry) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Take what lies in the facilities' inboxes."""
    with guarded(registry.home):
        report = take_in(registry.home, facilities_of(context, registry.home))
    return dg.MaterializeResult(
        metadata={
            "new files": len(report.landed),
            "waiting": len(report.waiting),
            "problems": len(report.problems),
        }
    )


@dg.multi_asset(
    name="staged",
    specs=[
        source_row_spec(),
        *(table_spec("staged", table, upstream("staged", table), "curated") for table in record_tables()),
    ],
    partitions_def=FACILITIES,
    backfill_policy=SINGLE_RUN,
    retry_policy=IO_RETRY,
)
def staged(context: dg.AssetExecutionContext, registry: Registry) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """Read and type every source of the facilities."""
    with guarded(registry.home):
        counts = _of_all(context, registry, STAGE, stage_together)
        n_read = {name: rows_read(registry.context, name) for name in context.partition_keys}
    yield _of_each(context, SOURCE_ROW, {name: {"dagster/row_count": n} for name, n in n_read.items()})
    for table in record_tables():
        own = {name: {"dagster/row_count": rows.get(table, 0)} for name, rows in counts.items()}
        yield _of_each(context, key("staged", table), own)


def _of_all(
    context: dg.AssetExecutionContext,
    registry: RegistryRun,
    step: str,
    work: Callable[[RefreshContext, Sequence[str], bool], dict[str, Result]],
) -> dict[str, Result]:
    """Facility -> what a step gives; by workers where there are any, anew for those that the run is to do again."""
    facilities, force = facilities_of(context, registry.home), is_forced(context)
    distribute(registry, step, facilities, force, context)
    again = [name for name in facilities if force and (step, name) not in registry.done]
    results = work(registry.context, again, True)
    results |= work(registry.context, [name for name in facilities if name not in results], False)
    return {name: results[name] for name in facilities}


def _of_each(
    context: dg.AssetExecutionContext, asset: dg.AssetKey, metadata: Mapping[str, Mapping[str, int]]
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """An asset made for the facilities of the run; each one's event tells what is its own.

    Args:
        metadata: facility -> counts.
    """
    for facility_id in context.partition_keys:
        context.add_asset_metadata(metadata.get(facility_id, {}), asset, partition_key=facility_id)
    return dg.MaterializeResult(asset)


@dg.multi_asset(
    name="screened",
    specs=[
        table_spec("screened", table, upstream("screened", table), "curated") for table in record_tables()
    ],
    check_specs=screening_check_specs(),
    partitions_def=FACILITIES,
    backfill_policy=SINGLE_RUN,
    retry_policy=IO_RETRY,
)
def screened(context: dg.AssetExecutionContext, registry: Registry) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """Judge every record of the facilities."""
    with guarded(registry.home):
        reports = _of_all(context, registry, SCREEN, screen_together)
        refresh = registry.context
        blocking, sentences = refresh.settings.refresh.blocking_rules, refresh.rules.sentences()
    for table in record_tables():
        own = {
            name: {
                "dagster/row_count": report.n_accepted.get(table, 0),
                "quarantined": report.n_quarantined.get(table, 0),
            }
            for name, report in reports.items()
        }
        result = _of_each(context, key("screened", table), own)
        yield result._replace(check_results=screening_check_results(table, reports, blocking, sentences))
