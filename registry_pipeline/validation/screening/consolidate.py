"""From staged rows to records: duplicates, upserts, and several sources that speak of one thing.

Belongs here: making one record per key, which row gave which item, which items contradict.
Does not belong here: judging records, the wording of findings.

Only rows whose key occurs more than once are touched; the rest pass through.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import polars as pl

from registry_pipeline.validation.records import complete, curated, date_stems, has_null_key, item_columns
from registry_pipeline.validation.screening.other_rows import OTHER_ROW, contradicting_rows
from schemas.columns import Column
from schemas.table import columns_of, key_of

WITHIN_SOURCE = {"patient": "V01", "lesion": "L01", "death": "H01"}
ACROSS_SOURCES = {"death.death_date": "H03"}
DAYS_FROM_1900_TO_1904 = 1462
NO_BOUNDS_DAYS = 1_000_000
ITEM_SOURCES = pl.List(pl.Struct({"row_id": pl.Int64, "mapping_no": pl.Int16, "items": pl.String}))
"""The source rows of a record made of several, and the items that each gave, joined by commas."""
NOT_JUDGED = ("_row_ids", "_origin", "_mapping_no", "_item_sources")
"""What records carry of where they come from, beside what they say."""
_ACROSS = pl.lit(None, dtype=pl.Int64).alias("_source_no")
_NO_FATES = pl.DataFrame(schema={"_row_id": pl.Int64, "fate": pl.String})
_NO_ORIGINS = pl.DataFrame(schema={"_row_id": pl.Int64, "column_name": pl.String, "_origin": pl.Int64})
_NO_CONFLICTS = pl.DataFrame(
    schema={"_row_id": pl.Int64, "items": pl.String, "rule_id": pl.String, "is_free_text": pl.Boolean}
    | OTHER_ROW
)


@dataclass(frozen=True)
class Consolidation:
    """How a facility's sources are brought together.

    Attributes:
        precedence: ``table`` or ``table.column`` -> names of sources, the most trusted first.
        tolerance: ``table.column`` -> largest difference that is no disagreement (days for dates).
        source_names: number of a source in staged rows -> its name.
    """

    precedence: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tolerance: Mapping[str, float] = field(default_factory=dict)
    source_names: Mapping[int, str] = field(default_factory=dict)

    def rank(self, *names: str) -> dict[int, int]:
        """Source number -> rank, by the first of ``names`` for which a precedence is declared."""
        source_order = next((list(self.precedence[name]) for name in names if name in self.precedence), [])
        order = sorted(
            self.source_names,
            key=lambda no: (
                source_order.index(self.source_names[no]) if self.source_names[no] in source_order else 999,
                no,
            ),
        )
        return {number: position for position, number in enumerate(order)}


@dataclass(frozen=True)
class Consolidated:
    """The records of one table.

    Attributes:
        records: columns of the model; ``_row_id`` numbers the records, ``_origin`` is the source row of
            the record, ``_row_ids`` are all source rows behind it, ``_mapping_no`` the ``[[source.table]]`` that
            made it; of a record made of several, ``_item_sources`` says that of each row instead (``ITEM_SOURCES``).
        fates: ``_row_id, fate`` of source rows that made no record of their own (duplicate, superseded).
        origins: ``_row_id, column_name, _origin``: the source row that gave an item, for records made of
            several rows.
        conflicts: ``_row_id, items, rule_id, is_free_text``: items in which rows of one key contradict, and
            two source rows that do: ``_origin``, ``_other``.
    """

    records: pl.DataFrame
    fates: pl.DataFrame
    origins: pl.DataFrame
    conflicts: pl.DataFrame


def consolidate_table(
    name: str, frame: pl.DataFrame | None, how: Consolidation | None = None
) -> Consolidated:
    """One record per key from the staged rows of a table.

    Args:
        name: bare table name (``lesion``).
        frame: staged rows; None for a table that the facility does not send.
        how: precedence, tolerance and names of the sources.
    """
    rows = complete(name, frame)
    key = list(key_of(curated()[name]))
    single, repeated = _parted(rows, key, has_null_key(curated()[name]))
    fates = [_NO_FATES]
    records, origins, conflicts = single.select(_of_single_rows(name)), pl.DataFrame(), pl.DataFrame()
    if repeated.height:
        repeated = _drop(repeated, _is_superseded(key), "superseded", fates)
        repeated = _drop(repeated, ~_is_first(name), "duplicate", fates)
    if repeated.height:
        merged, origins, conflicts = _Merge(name, how or Consolidation()).merge(repeated)
        records = pl.concat([records, merged.select(*curated()[name].columns, *NOT_JUDGED)])
    if not records["_origin"].is_sorted():
        records = records.sort("_origin", maintain_order=True)
    records = records.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("_row_id"))
    if repeated.is_empty():
        return Consolidated(records, pl.concat(fates), _NO_ORIGINS, _NO_CONFLICTS)
    numbers = records.filter(~has_null_key(curated()[name])).select(*key, "_row_id")
    return Consolidated(
        records,
        pl.concat(fates),
        _numbered(origins, numbers, key, _NO_ORIGINS),
        _numbered(conflicts, numbers, key, _NO_CONFLICTS),
    )


def _parted(rows: pl.DataFrame, key: list[str], is_keyless: pl.Expr) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows whose key occurs once (or that have none), and the others.

    Different hashes are different keys, and hashes are compared in a sixth of the time: of a large table
    nearly always enough, and nothing is copied then.
    """
    if rows.select(key).hash_rows().n_unique() == rows.height:
        return rows, rows.clear()
    is_single = rows.select(is_keyless | (pl.len().over(key) == 1)).to_series()
    return rows.filter(is_single), rows.filter(~is_single)


@cache
def _of_single_rows(name: str) -> list[pl.Expr]:
    """The columns of records that each are made of one row."""
    added = {
        "_origin": pl.col("_row_id").alias("_origin"),
        "_item_sources": pl.lit(None, dtype=ITEM_SOURCES).alias("_item_sources"),
    }
    return [added.get(column, pl.col(column)) for column in (*curated()[name].columns, *NOT_JUDGED)]


def _numbered(
    frame: pl.DataFrame, numbers: pl.DataFrame, key: list[str], nothing: pl.DataFrame
) -> pl.DataFrame:
    return nothing if frame.is_empty() else frame.join(numbers, on=key).select(nothing.columns)


def _is_superseded(key: list[str]) -> pl.Expr:
    return pl.col("_submission_no") < pl.col("_submission_no").max().over([*key, "_source_no"])


def _is_first(name: str) -> pl.Expr:
    return pl.struct([*curated()[name].columns, "_source_no"]).is_first_distinct()


def _drop(rows: pl.DataFrame, condition: pl.Expr, fate: str, fates: list[pl.DataFrame]) -> pl.DataFrame:
    marked = rows.sort("_row_id").with_columns(condition.alias("_dropped"))
    gone = marked.filter("_dropped").select(pl.col("_row_ids").explode().alias("_row_id"))
    fates.append(gone.with_columns(pl.lit(fate).alias("fate")))
    return marked.filter(~pl.col("_dropped")).drop("_dropped")


class _Merge:
    """Item-wise merging of rows that share a key."""

    def __init__(self, name: str, how: Consolidation) -> None:
        self.name, self.how = name, how
        model = curated()[name]
        self.key = list(key_of(model))
        self.items = {item: cols for item, cols in item_columns(model).items() if item not in self.key}
        self.columns: dict[str, Column] = {column.name: column for column in columns_of(model)}
        self.dates = set(date_stems(model))

    def merge(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """(records, origins, conflicts), each with the key columns."""
        rank = self.how.rank(self.name)
        ranked = rows.with_columns(_rank(rank)).sort("_rank", "_row_id").with_row_index("_at")
        items = [self._pack(item) for item in self.items]
        packed = ranked.select(*self.key, "_row_id", "_row_ids", "_at", "_rank", "_source_no", *items)
        by_source = self._combine(packed, [*self.key, "_source_no"], is_within=True)
        by_key = self._combine(by_source, self.key, is_within=False)
        shifts = [self._shifts(by_key)] if self.dates else []
        conflicts = pl.concat([self._conflicts(by_source, True), self._conflicts(by_key, False), *shifts])
        unpacked = [
            pl.col(item).struct.field(column) for item, columns in self.items.items() for column in columns
        ]
        origins = by_key.select(
            *self.key, *[pl.col(item).struct.field("_from").alias(item) for item in self.items]
        ).unpivot(on=list(self.items), index=self.key, variable_name="column_name", value_name="_at")
        origins = origins.drop_nulls("_at").join(
            ranked.select("_at", pl.col("_row_id").alias("_origin")), on="_at", maintain_order="left"
        )
        conflicts = contradicting_rows(conflicts, ranked, origins, self.key)
        records = by_key.select(*self.key, *unpacked, pl.col("_row_id").alias("_origin"), "_row_ids")
        sources = self._item_sources(ranked, origins)
        records = records.join(sources, on=self.key, how="left", maintain_order="left")
        none = pl.lit(None, dtype=pl.Int16).alias("_mapping_no")
        return records.with_columns(none), origins.drop("_at"), conflicts

    def _item_sources(self, ranked: pl.DataFrame, origins: pl.DataFrame) -> pl.DataFrame:
        """The rows of each key, the most trusted first, with the items that each gave."""
        items = origins.group_by("_at").agg(pl.col("column_name").str.join(",").alias("items"))
        rows = ranked.select(*self.key, "_at", "_row_ids", "_mapping_no").join(
            items, on="_at", how="left", maintain_order="left"
        )
        source = pl.struct(
            pl.col("_row_ids").alias("row_id"),
            pl.col("_mapping_no").alias("mapping_no"),
            pl.col("items").fill_null(""),
        )
        by_row = rows.explode("_row_ids").select(*self.key, source.alias("_item_sources"))
        return by_row.group_by(self.key, maintain_order=True).agg("_item_sources")

    def _pack(self, item: str) -> pl.Expr:
        parts = pl.struct([*self.items[item], pl.col("_at").alias("_from")])
        return pl.when(pl.col(item).is_not_null()).then(parts).alias(item)

    def _combine(self, packed: pl.DataFrame, by: list[str], is_within: bool) -> pl.DataFrame:
        chosen = [self._choose(item, is_within).alias(item) for item in self.items]
        clashes = [self._clash(item, is_within).alias(f"_clash {item}") for item in self.items]
        shifts = [] if is_within else [self._shift(item).alias(f"_shift {item}") for item in self.dates]
        others = [] if "_source_no" in by else ["_source_no"]
        return packed.group_by(by, maintain_order=True).agg(
            *chosen,
            *clashes,
            *shifts,
            pl.col("_row_id", "_rank", *others).first(),
            pl.col("_row_ids").list.explode().unique().sort(),
        )

    def _choose(self, item: str, is_within: bool) -> pl.Expr:
        """The first value by precedence; within one source the most exact date."""
        values = pl.col(item).drop_nulls()
        if is_within and item in self.dates:
            width = values.struct.field(f"{item}_upper") - values.struct.field(f"{item}_lower")
            days = width.dt.total_days().fill_null(NO_BOUNDS_DAYS)
            # Not sort_by(...).first(): on a group without values polars 2.1 reads past the end of the data.
            return values.filter(days == days.min()).first()
        if not is_within and f"{self.name}.{item}" in self.how.precedence:
            own = _rank(self.how.rank(f"{self.name}.{item}"))
            return pl.col(item).sort_by(own, maintain_order=True).drop_nulls().first()
        return values.first()

    def _clash(self, item: str, is_within: bool) -> pl.Expr:
        tolerance = 0.0 if is_within else float(self.how.tolerance.get(f"{self.name}.{item}", 0.0))
        values_given = pl.col(item).drop_nulls()
        if item in self.dates:
            gap = (
                values_given.struct.field(f"{item}_lower").max()
                - values_given.struct.field(f"{item}_upper").min()
            )
            return (gap.dt.total_days() > tolerance).fill_null(False)
        values = values_given.struct.field(item)
        if self.columns[item].kind in ("integer", "real"):
            return (values.max() - values.min() > tolerance + 1e-9).fill_null(False)
        return values.n_unique() > 1

    def _shift(self, item: str) -> pl.Expr:
        values = pl.col(item).drop_nulls().struct.field(item)
        return ((values.max() - values.min()).dt.total_days() == DAYS_FROM_1900_TO_1904).fill_null(False)

    def _shifts(self, combined: pl.DataFrame) -> pl.DataFrame:
        """Dates that two sources give exactly 1462 days apart: a workbook that counts from 1904."""
        dates = sorted(self.dates)
        long = combined.select(*self.key, *[pl.col(f"_shift {item}").alias(item) for item in dates]).unpivot(
            on=dates, index=self.key, variable_name="items", value_name="_shift"
        )
        return long.filter("_shift").select(
            *self.key, _ACROSS, "items", pl.lit("S11").alias("rule_id"), pl.lit(False).alias("is_free_text")
        )

    def _conflicts(self, combined: pl.DataFrame, is_within: bool) -> pl.DataFrame:
        rules = {
            item: WITHIN_SOURCE.get(self.name, "S16")
            if is_within
            else ACROSS_SOURCES.get(f"{self.name}.{item}", "S17")
            for item in self.items
        }
        free = [item for item in self.items if self.columns[item].is_free_text or item == "source_patient_id"]
        source = pl.col("_source_no").cast(pl.Int64) if is_within else _ACROSS
        clashes = [pl.col(f"_clash {item}").alias(item) for item in self.items]
        by = [*self.key, "_source_no"]
        long = combined.select(*self.key, source, *clashes).unpivot(
            on=list(self.items), index=by, variable_name="items", value_name="_clash"
        )
        return long.filter("_clash").select(
            *by,
            "items",
            pl.col("items").replace_strict(rules, return_dtype=pl.String).alias("rule_id"),
            pl.col("items").is_in(free).alias("is_free_text"),
        )


def _rank(rank: Mapping[int, int]) -> pl.Expr:
    if not rank:
        return pl.col("_source_no").cast(pl.Int64).alias("_rank")
    numbers = pl.col("_source_no").cast(pl.Int64)
    return numbers.replace_strict(dict(rank), default=999, return_dtype=pl.Int64).alias("_rank")
