"""Curated, mart, result and quality tables, and the release: once for the whole registry.

Belongs here: the assets downstream of all facilities.
Does not belong here: SQL, estimates, the making of the file.
"""

from collections.abc import Callable, Iterator

import dagster as dg

from registry_pipeline.defs.automation import FRESHNESS
from registry_pipeline.defs.guard import IO_RETRY, guarded
from registry_pipeline.defs.naming import RELEASE, key, layer_tables, record_tables, table_spec
from registry_pipeline.defs.resources import RegistryHome
from registry_pipeline.home import Home
from registry_pipeline.steps import publication, registry

ALL_FACILITIES = [
    dg.AssetDep(key("screened", table), partition_mapping=dg.AllPartitionMapping())
    for table in record_tables()
]


def _layer_assets(
    layer: str,
    upstream: list[dg.AssetDep | dg.AssetKey],
    make: Callable[[Home], dict[str, int]],
    meaning: str,
) -> dg.AssetsDefinition:
    """One multi-asset for a layer: its tables, each with its number of rows."""

    @dg.multi_asset(
        name=layer,
        description=meaning,
        specs=[table_spec(layer, table, upstream) for table in layer_tables(layer)],
        retry_policy=IO_RETRY,
    )
    def assets(registry: RegistryHome) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        home = registry.open()
        with guarded(home):
            counts = make(home)
        for table in layer_tables(layer):
            yield dg.MaterializeResult(
                key(layer, table), metadata={"dagster/row_count": counts.get(table, 0)}
            )

    return assets


def _keys(layer: str) -> list[dg.AssetDep | dg.AssetKey]:
    return [key(layer, table) for table in layer_tables(layer)]


curated = _layer_assets(
    "curated", list(ALL_FACILITIES), registry.curate, "One row per patient, tumour, lesion, …"
)
mart = _layer_assets("mart", _keys("curated"), registry.build_mart, "Analysis-ready tables.")
result = _layer_assets("result", _keys("mart"), registry.analyse, "One row per estimate.")
quality = _layer_assets(
    "quality", [*_keys("curated"), *_keys("mart")], registry.judge, "Findings, accounting, rule results."
)


@dg.asset(
    key=RELEASE,
    group_name="release",
    deps=[one for layer in ("curated", "mart", "result", "quality") for one in _keys(layer)],
    description="One immutable DuckDB file: built beside, checked, sealed, switched.",
    retry_policy=IO_RETRY,
    freshness_policy=FRESHNESS,
    kinds={"duckdb"},
)
def release(registry: RegistryHome) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Publish, or refuse and keep serving the old release."""
    home = registry.open()
    with guarded(home):
        report = publication.publish(home)
    return dg.MaterializeResult(
        metadata={
            "release_id": report.release_id,
            "is new": report.is_new,
            "open errors": report.n_open_errors,
        }
    )
