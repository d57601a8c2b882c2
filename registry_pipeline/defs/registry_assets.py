"""Curated, mart, result and quality tables, and the release: once for the whole registry.

Belongs here: the assets downstream of all facilities.
Does not belong here: SQL, estimates, the making of the file.
"""

from collections.abc import Callable, Iterator

import dagster as dg

from registry_pipeline.defs.automation import FRESHNESS
from registry_pipeline.defs.checks import (
    GROUPS,
    group_result,
    proof_check_results,
    proof_check_specs,
    registry_check_specs,
)
from registry_pipeline.defs.guard import IO_RETRY, guarded
from registry_pipeline.defs.lineage import in_order, upstream
from registry_pipeline.defs.naming import RELEASE, key, layer_tables, table_schema, table_spec
from registry_pipeline.defs.request import is_forced, is_of_the_command
from registry_pipeline.defs.resources import Registry
from registry_pipeline.operations.audit import record
from registry_pipeline.pipeline import registry as steps
from registry_pipeline.pipeline import release as publication
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.watched import note_served
from schemas import MADE_WITH_RELEASE

Judged = dg.MaterializeResult | dg.AssetCheckResult  # type: ignore[type-arg]


def _layer_assets(
    layer: str, make: Callable[[RefreshContext, bool], dict[str, int]], meaning: str
) -> dg.AssetsDefinition:
    """One multi-asset for a layer: its tables, each with its number of rows."""

    @dg.multi_asset(
        name=layer,
        description=meaning,
        specs=[table_spec(layer, table, upstream(layer, table)) for table in layer_tables(layer)],
        retry_policy=IO_RETRY,
    )
    def assets(context: dg.AssetExecutionContext, registry: Registry) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        with guarded(registry.home):
            counts = make(registry.context, is_forced(context))
        for table in in_order(layer):
            yield dg.MaterializeResult(
                key(layer, table), metadata={"dagster/row_count": counts.get(table, 0)}
            )

    return assets


curated = _layer_assets("curated", steps.curate, "One row per patient, tumour, lesion, …")
mart = _layer_assets("mart", steps.build_mart, "Analysis-ready tables.")
result = _layer_assets("result", steps.analyse, "One row per estimate.")


@dg.multi_asset(
    name="quality",
    description="Findings, accounting, rule results.",
    specs=[table_spec("quality", table, upstream("quality", table)) for table in layer_tables("quality")],
    check_specs=registry_check_specs(),
    retry_policy=IO_RETRY,
)
def quality(context: dg.AssetExecutionContext, registry: Registry) -> Iterator[Judged]:
    """What the rules say, those over the whole registry with it."""
    with guarded(registry.home):
        refresh = registry.context
        counts = steps.judge(refresh, is_forced(context))
        findings, failed = steps.registry_findings(refresh)
        blocking, sentences = refresh.settings.refresh.blocking_rules, refresh.rules.sentences()
    for table in in_order("quality"):
        yield dg.MaterializeResult(
            key("quality", table), metadata={"dagster/row_count": counts.get(table, 0)}
        )
    for group in GROUPS:
        yield group_result(key("quality", "finding"), group, findings, failed, blocking, sentences)


@dg.multi_asset(
    name="release",
    specs=[
        dg.AssetSpec(
            RELEASE,
            deps=[
                key(layer, layer_table)
                for layer in ("curated", "mart", "result", "quality")
                for layer_table in layer_tables(layer)
            ],
            group_name="release",
            description="One immutable DuckDB file: built beside, checked, sealed, switched.",
            metadata={"dagster/column_schema": table_schema("meta.release")},
            freshness_policy=FRESHNESS,
            kinds={"duckdb"},
        ),
        *(
            table_spec(layer, table, [dg.AssetDep(RELEASE)])
            for layer, _, table in (name.partition(".") for name in MADE_WITH_RELEASE)
        ),
    ],
    check_specs=[
        dg.AssetCheckSpec("reports", asset=RELEASE, description="The pages of the release were written.")
    ],
    retry_policy=IO_RETRY,
)
def release(context: dg.AssetExecutionContext, registry: Registry) -> Iterator[Judged]:
    """Publish, or refuse and keep serving the old release."""
    with guarded(registry.home):
        report = publication.publish(registry.context, is_forced(context))
        note_served(registry.home)
        if not is_of_the_command(context.run.tags):
            record(registry.home, "refresh", "done", report.release_id, f"run {context.run_id}")
    yield dg.MaterializeResult(
        RELEASE,
        metadata={
            "release_id": report.release_id,
            "is new": report.is_new,
            "open errors": report.n_open_errors,
        },
    )
    yield dg.AssetCheckResult(
        asset_key=RELEASE, check_name="reports", passed=report.reports_problem is None,
        description=report.reports_problem,
    )  # fmt: skip
    for name in MADE_WITH_RELEASE:
        yield dg.MaterializeResult(key(*name.split(".")), metadata={"dagster/row_count": report.n_rows[name]})


@dg.multi_asset_check(name="proofs", specs=proof_check_specs())
def proofs(registry: Registry) -> Iterator[dg.AssetCheckResult]:
    """What was proved of each table of the release that is served."""
    with guarded(registry.home):
        report = publication.released_report(registry.home)
    yield from proof_check_results(report.proofs_of)
