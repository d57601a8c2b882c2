"""Which table rests on which: read off the SQL headers where SQL makes a table, told here otherwise.

Belongs here: the arrows of Dagster's page.
Does not belong here: keys and descriptions (``naming.py``), what the assets do.
"""

from graphlib import TopologicalSorter

import dagster as dg

from registry_pipeline.core.sql_files import sql_files
from registry_pipeline.defs.naming import SOURCE_ROW, key, layer_tables, record_tables

Upstream = list[dg.AssetDep]
_TIMES = ("mart.survival_time", "mart.cohort", "mart.registry_patient")
_GROWTH = ("mart.lesion_growth", "mart.cohort")
_RECURRENCE = ("mart.recurrence", "mart.cohort")
_SERIES = ("mart.lesion_size", "mart.cohort")
_OPEN = (
    "mart.cohort",
    "mart.vital_status",
    "mart.survival_time",
    "result.scorecard",
    "result.growth_threshold",
)
_RESULT: dict[str, tuple[str, ...]] = {
    "growth_fit": _GROWTH,
    "growth_threshold": _GROWTH,
    "growth_share": _GROWTH,
    "growth_curve": _GROWTH,
    "growth_sensitivity": _GROWTH,
    "growth_influence": _GROWTH,
    "growth_serial": _SERIES,
    "growth_mixed": _SERIES,
    "surveillance": _GROWTH,
    "recurrence_pattern": _RECURRENCE,
    "recurrence_by_group": _RECURRENCE,
    "recurrence_course": ("mart.recurrence", "mart.survival_time"),
    "lesion_local_control": ("mart.lesion_control",),
    "lesion_cox": ("mart.lesion_control",),
    "missing_data": ("mart.cohort",),
    "missing_pattern": ("mart.cohort",),
    "bounds": _OPEN,
    "bounds_scenario": _OPEN[:2],
}
_SCORED = (
    "km_landmark",
    "logrank_test",
    "cox_term",
    "follow_up",
    "recurrence_pattern",
    "growth_share",
    "growth_threshold",
)
_SCORECARD = ("mart.cohort", "mart.lesion_growth", "mart.attrition", *(f"result.{one}" for one in _SCORED))


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
        names = _SCORECARD if table == "scorecard" else _RESULT.get(table, _TIMES)
    else:
        names = tuple(sql_files(layer)[table].header["inputs"])
    return [_dependency(one) for one in names]


def in_order(layer: str) -> list[str]:
    """The tables of a layer, each after those it is made from, as Dagster wants them told."""
    names = layer_tables(layer)
    above = {
        one: {dep.asset_key.path[1] for dep in upstream(layer, one) if dep.asset_key.path[0] == layer}
        for one in names
    }
    return [one for one in TopologicalSorter(above).static_order() if one in names]


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
    return [*(_dependency(f"{layer}.{one}") for one in record_tables()), _dependency("mart.cohort")]
