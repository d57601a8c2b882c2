"""Landing, staging and screening: one partition per facility.

Belongs here: the assets of the layers that are made per facility, with their checks.
Does not belong here: what screening means (``validation/``).
"""

from collections.abc import Iterator

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
from registry_pipeline.defs.resources import FACILITIES, Registry
from registry_pipeline.pipeline import facility
from registry_pipeline.pipeline.cluster.work import SCREEN, STAGE
from registry_pipeline.pipeline.judging import screen_together
from registry_pipeline.pipeline.refresh import take_in

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
        report = take_in(registry.home, facilities_of(context))
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
    counts: dict[str, int] = {}
    n_read = 0
    with guarded(registry.home):
        refresh, facilities, force = registry.context, facilities_of(context), is_forced(context)
        distribute(registry, STAGE, facilities, force, context)
        for facility_id in facilities:
            is_new = force and (STAGE, facility_id) not in registry.done
            for table, n_rows in facility.stage(refresh, facility_id, is_new).items():
                counts[table] = counts.get(table, 0) + n_rows
            n_read += facility.rows_read(refresh, facility_id)
    yield dg.MaterializeResult(SOURCE_ROW, metadata={"dagster/row_count": n_read})
    for table in record_tables():
        yield dg.MaterializeResult(key("staged", table), metadata={"dagster/row_count": counts.get(table, 0)})


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
        refresh, facilities, force = registry.context, facilities_of(context), is_forced(context)
        distribute(registry, SCREEN, facilities, force, context)
        again = [name for name in facilities if force and (SCREEN, name) not in registry.done]
        judged = screen_together(refresh, again, force=True)
        judged |= screen_together(refresh, [name for name in facilities if name not in judged])
        reports = [judged[name] for name in facilities]
        blocking, sentences = refresh.settings.refresh.blocking_rules, refresh.rules.sentences()
    for table in record_tables():
        yield dg.MaterializeResult(
            key("screened", table),
            metadata={
                "dagster/row_count": sum(report.n_accepted.get(table, 0) for report in reports),
                "quarantined": sum(report.n_quarantined.get(table, 0) for report in reports),
            },
            check_results=screening_check_results(table, reports, blocking, sentences, facilities),
        )
