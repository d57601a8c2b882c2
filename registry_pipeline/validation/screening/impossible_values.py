"""Values that cannot exist, in items that a record can do without: the item goes, the record stays.

Belongs here: finding such values, telling of them (S19, S05), taking them out of the records before they are judged.
Does not belong here: required items (``within_table.py``), values that are merely unlikely (rules of the tables).
"""

from collections.abc import Mapping
from functools import cache

import polars as pl

from registry_pipeline.core.side_by_side import Bounds, filled
from registry_pipeline.validation.records import curated, required_items
from registry_pipeline.validation.rules.catalogue import Catalogue, RuleEntry
from registry_pipeline.validation.screening.violations import violation_frame
from registry_pipeline.validation.screening.within_table import Outcome
from schemas.columns import Column
from schemas.constraints import constraints_of, possible_range
from schemas.table import columns_of


def take_out_impossible(
    records: Mapping[str, pl.DataFrame],
    rules: Catalogue,
    outcome: Outcome,
    places: Mapping[str, Bounds] | None = None,
) -> dict[str, pl.DataFrame]:
    """The records without impossible values of optional items; what was taken out goes into ``outcome``.

    Args:
        places: per table where the records of each facility stand; all are of one by default.
    """
    places = places or {name: [(0, frame.height)] for name, frame in records.items()}
    return {name: _possible(name, frame, rules, outcome, places[name]) for name, frame in records.items()}


def _possible(
    name: str, frame: pl.DataFrame, rules: Catalogue, outcome: Outcome, places: Bounds
) -> pl.DataFrame:
    generic, columns = rules.of_scope("generic"), []
    demands = [demand for demand in _demands(name) if demand[1] in generic]
    counts = filled(frame[list(dict.fromkeys(column.name for column, *_ in demands))], places)
    for column, rule_id, _ in demands:
        outcome.count(rule_id, counts[column.name])
    if frame.is_empty() or not demands:
        return frame
    broken = frame.select(  # in one plan: a plan for each takes longer than a small table
        (~is_possible).fill_null(False).alias(str(at)) for at, (*_, is_possible) in enumerate(demands)
    )
    for (column, rule_id, _), is_broken in zip(demands, broken.iter_columns(), strict=True):
        if not is_broken.any():
            continue
        outcome.violations.add(_violations(name, frame.filter(is_broken), column, generic[rule_id]))
        columns.append(pl.when(~is_broken).then(pl.col(column.name)).alias(column.name))
    return frame.with_columns(columns) if columns else frame


@cache
def _demands(name: str) -> list[tuple[Column, str, pl.Expr]]:
    """(column, rule, True where the value can be) of the optional items of a table."""
    required, demands_of_columns = required_items(name), []
    for column in columns_of(curated()[name]):
        if column.name in required:
            continue
        by_rule: dict[str, list[pl.Expr]] = {}
        for demand in constraints_of(column):
            by_rule.setdefault(demand.rule_id, []).append(demand.expression)
        demands_of_columns += [
            (column, rule_id, pl.all_horizontal(demands)) for rule_id, demands in by_rule.items()
        ]
    return demands_of_columns


def _violations(name: str, broken: pl.DataFrame, column: Column, entry: RuleEntry) -> pl.DataFrame:
    possible = possible_range(column)
    return violation_frame(
        broken.select(
            "_row_id",
            pl.lit(name).alias("table_name"),
            pl.lit(entry.rule_id).alias("rule_id"),
            pl.lit(entry.severity).alias("severity"),
            pl.lit(column.name).alias("items"),
            pl.lit(f"possible: {possible}" if possible else None, dtype=pl.String).alias("detail"),
        )
    )
