"""Which table rests on which: read off the SQL headers and the records of the analyses, said here otherwise.

Belongs here: the arrows of Dagster's page.
Does not belong here: keys and descriptions (``naming.py``), what the assets do.
"""

from graphlib import TopologicalSorter

import dagster as dg

from registry_pipeline.core.sql_files import sql_files
from registry_pipeline.defs.naming import SOURCE_ROW, key, layer_tables, record_tables
from registry_pipeline.study.estimates import analyses

Upstream = list[dg.AssetDep]


def upstream(layer: str, table: str) -> Upstream:
    """What a table is made from."""
    if layer == "staged":
        return [dg.AssetDep(SOURCE_ROW)]
    if layer == "screened":
        return [dg.AssetDep(key("staged", table))]
    if layer == "curated":
        return [_dependency(f"screened.{table}")]
    if layer == "quality":
        return _quality(table)
    if layer == "result":
        names = next(analysis.reads for analysis in analyses().values() if table in analysis.makes)
    else:
        names = tuple(sql_files(layer)[table].header["inputs"])
    return [_dependency(name) for name in names]


def in_order(layer: str) -> list[str]:
    """The tables of a layer, each after those it is made from, as Dagster wants them told."""
    names = layer_tables(layer)
    above = {
        name: {dep.asset_key.path[1] for dep in upstream(layer, name) if dep.asset_key.path[0] == layer}
        for name in names
    }
    return [name for name in TopologicalSorter(above).static_order() if name in names]


def _dependency(name: str) -> dg.AssetDep:
    if (
        name == "quality.quarantine"
    ):  # the mart asks each facility's screening, before the registry's own tables are made
        name = "screened.patient"
    layer, _, table = name.partition(".")
    mapping = dg.AllPartitionMapping() if layer in ("staged", "screened") else None
    return dg.AssetDep(key(layer, table), partition_mapping=mapping)


def _quality(table: str) -> Upstream:
    """Quality tables gather what every facility's screening found, and judge the mart as a whole."""
    layer = "staged" if table == "coercion" else "screened"
    return [
        *(_dependency(f"{layer}.{record_table}") for record_table in record_tables()),
        _dependency("mart.cohort"),
    ]
