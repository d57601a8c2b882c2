"""Judgements of a column that rest on what else the facility sends in it.

Belongs here: reasons of blank dates (S10), two units in one column (S13), unknown causes of death (H03): an item
is missed only where the facility sends it for anybody.
Does not belong here: judgements of one record by itself (``within_table.py``), the wording of the rules.
"""

import pandera.polars as pa
import polars as pl

from registry_pipeline.validation.records import date_stems
from schemas.columns import Column
from schemas.table import columns_of

MIXED: dict[str, tuple[int, ...]] = {"mm": (1,), "Gy": (2,), "ng/mL": (3,)}
"""Unit -> powers of ten by which a column is off in the unit that it is confused with (cm, cGy, pg/mL).

A marker spreads over two powers of ten by itself: some tumours make little of it."""
LEAST_VALUES, LEAST_MINORITY, LEAST_SHARE = 30, 5, 0.03
_NEAR, _GAP_FROM, _GAP_TO = 0.25, 0.4, 0.65


def judgements_of_sent(
    name: str, model: pa.DataFrameSchema, records: pl.DataFrame
) -> list[tuple[str, str, pl.Expr]]:
    """(rule id, item, expression) of the columns of a table; False breaks the rule, null does not apply.

    Each facility is judged by what it sends itself.
    """
    columns = {column.name: column for column in columns_of(model)}
    judgements: list[tuple[str, str, pl.Expr]] = []
    for stem in date_stems(model):
        if f"{stem}_reason" in columns:
            judgements += _dates(stem, columns[stem].is_required)
    for column in columns.values():
        if column.kind == "real" and column.unit in MIXED and not column.name.startswith("size_"):
            judgements.append(("S13", column.name, is_of_one_unit(column, records)))
    if name == "death":
        judgements.append(("H03", "death_cause", is_cause_known()))
    return judgements


def _dates(stem: str, is_required: bool) -> list[tuple[str, str, pl.Expr]]:
    """A date and a reason for its absence exclude each other; one of them is there (NAACCR date flags)."""
    date, reason = pl.col(stem), pl.col(f"{stem}_reason")
    contradicts = pl.when(reason.is_not_null()).then(date.is_null())
    judgements: list[tuple[str, str, pl.Expr]] = [("S10", f"{stem}_reason", contradicts)]
    if not is_required:  # a required date that is blank is missed in any case
        is_sent = reason.is_not_null().any().over("facility_id")
        judgements.append(("S10", stem, pl.when(is_sent).then(date.is_not_null() | reason.is_not_null())))
    return judgements


def is_of_one_unit(column: Column, records: pl.DataFrame) -> pl.Expr:
    """False for the smaller group of values where a column falls into two groups a power of ten apart.

    Two groups: at least 30 values; at least 5 of them, and 3 %, about 10 (100, 1000) times the median or a
    tenth of it; and between the groups less than half as many as in the smaller one. A wide distribution fills
    the gap. Whether there are two groups is settled here, once, so that a column of one unit costs nothing.
    """
    value = pl.when(pl.col(column.name) > 0).then(pl.col(column.name))
    values = pl.col(column.name).filter(pl.col(column.name) > 0)
    median = values.median()
    is_between = pl.any_horizontal(
        values.is_between(median * 10**_GAP_FROM, median * 10**_GAP_TO),
        values.is_between(median * 10**-_GAP_TO, median * 10**-_GAP_FROM),
    )
    counts = [
        values.len().alias("n"),
        median.alias("median"),
        _is_minor(column, values, median).sum().alias("minor"),
        is_between.sum().alias("between"),
    ]
    groups = records.group_by("facility_id").agg(counts)
    is_mixed = (
        (pl.col("n") >= LEAST_VALUES)
        & (pl.col("minor") >= LEAST_MINORITY)
        & (pl.col("minor") >= LEAST_SHARE * pl.col("n"))
        & (2 * pl.col("between") < pl.col("minor"))
    )
    verdict = pl.lit(True)
    for group in groups.filter(is_mixed).iter_rows(named=True):
        is_own = pl.col("facility_id").eq_missing(pl.lit(group["facility_id"]))
        verdict = pl.when(is_own).then(~_is_minor(column, value, group["median"])).otherwise(verdict)
    return pl.when(value.is_not_null()).then(verdict)


def _is_minor(column: Column, value: pl.Expr, median: pl.Expr | float) -> pl.Expr:
    """A power of ten off the median, as a unit that it is confused with would be."""
    powers = [sign * power for power in MIXED[column.unit or ""] for sign in (-1, 1)]
    return pl.any_horizontal([_around(value, median, power) for power in powers])


def _around(value: pl.Expr, median: pl.Expr | float, power: int) -> pl.Expr:
    """About ``10**power`` times the median."""
    return value.is_between(median * 10 ** (power - _NEAR), median * 10 ** (power + _NEAR))


def is_cause_known() -> pl.Expr:
    """A death has a cause, where the facility knows any."""
    is_known = pl.col("death_cause").is_not_null() & (pl.col("death_cause") != "unk").fill_null(False)
    return pl.when(is_known.any().over("facility_id")).then(is_known)
