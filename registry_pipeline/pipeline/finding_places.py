"""Where the records behind findings of the registry-wide rules stand: file, sheet, row and column.

Belongs here: looking accepted records up in what was screened, and vanished ones in the release before.
Does not belong here: findings within a facility, which know their row when they are made (``validation/screening``).
"""

from __future__ import annotations

import duckdb
import polars as pl

from registry_pipeline.core.working_files import working_file
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.store.parquet import read_parquet, scan_rows
from registry_pipeline.validation.records import curated, whole_key
from registry_pipeline.validation.screening.places import source_locations

PLACE = {
    "submission_id": pl.String,
    "source_file": pl.String,
    "sheet": pl.String,
    "source_row": pl.Int64,
    "source_column": pl.String,
}
_KEY = ("facility_id", "table_name", "record_key")
_FOUND = {**dict.fromkeys((*_KEY, "_item"), pl.String), **PLACE}
_BEFORE = """
    SELECT w.facility_id, w.table_name, w.record_key, w._item, s.submission_id, s.source_file, s.sheet, l.source_row,
           NULL AS source_column
    FROM wanted w JOIN previous.meta.lineage l USING (facility_id, table_name, record_key)
    JOIN previous.meta.source_sheet s USING (facility_id, sheet_no)
    QUALIFY row_number() OVER (
        PARTITION BY w.facility_id, w.table_name, w.record_key, w._item ORDER BY l.sheet_no, l.source_row
    ) = 1"""


def with_places(
    context: RefreshContext, connection: duckdb.DuckDBPyConnection, findings: pl.DataFrame
) -> pl.DataFrame:
    """Findings with the place of the record that each is on; of a pair that of the first.

    Args:
        connection: with the release before as ``previous``, where there is one.
        findings: rows of ``quality.finding``; those that have a row already stay as they are.
    """
    keyed = findings.with_columns(
        pl.col("items").str.split(",").list.first().alias("_item"),
        pl.when(pl.col("rule_id") == "V05")
        .then(pl.col("record_key").str.split("|").list.first())
        .otherwise("record_key")
        .alias("_key"),
    )
    unplaced = keyed.filter(
        pl.col("source_row").is_null(), pl.col("facility_id").is_in(list(context.senders))
    )
    unplaced = unplaced.select(
        "facility_id", "table_name", pl.col("_key").alias("record_key"), "_item"
    ).unique()
    places_now = pl.concat([pl.DataFrame(schema=_FOUND), *_screened(context, unplaced)])
    gone = unplaced.join(places_now, on=[*_KEY, "_item"], how="anti", nulls_equal=True)
    places = pl.concat([places_now, _released(connection, gone)]).rename({"record_key": "_key"})
    names = [*_KEY[:2], "_key", "_item"]
    joined = keyed.join(
        places, on=names, how="left", suffix="_known", maintain_order="left", nulls_equal=True
    )
    return joined.with_columns(
        pl.coalesce(name, f"{name}_known").alias(name) for name in PLACE if f"{name}_known" in joined.columns
    ).select(findings.columns)


def _screened(context: RefreshContext, unplaced: pl.DataFrame) -> list[pl.DataFrame]:
    """The places of records that a facility sends now."""
    parts = []
    for (facility_id, table), group in unplaced.group_by("facility_id", "table_name", maintain_order=True):
        path = working_file(context.layout.screened_table(str(facility_id), str(table)), context.layout.root)
        if str(table) not in curated() or path is None:
            continue
        keys = group["record_key"].drop_nulls().unique()
        records = (
            pl.scan_parquet(path, glob=False)
            .select(whole_key(str(table)).alias("record_key"), pl.col("_row_ids").list.first().alias("_row_id"), "_mapping_no")
            .filter(pl.col("record_key").is_in(keys.implode()))
            .collect()
            .unique("record_key", keep="first", maintain_order=True)
        )  # fmt: skip
        parts.append(_located(context, str(facility_id), str(table), group.join(records, on="record_key")))
    return parts


def _located(context: RefreshContext, facility_id: str, table: str, records: pl.DataFrame) -> pl.DataFrame:
    """File, sheet, row and column of records with ``_row_id``, ``_mapping_no`` and ``_item``."""
    where = ("submission_id", "source_file", "sheet", "source_row")
    rows = scan_rows(context.whole(context.layout.staged_frame(facility_id, "rows")))
    places = source_locations(rows, records["_row_id"], where)
    mapped = read_parquet(context.whole(context.layout.staged_frame(facility_id, "column_map")))
    columns = mapped.filter(pl.col("table_name") == table).sort("position").select(
        pl.col("mapping_no").alias("_mapping_no"), pl.col("column_name").alias("_item"), "source_column"
    ).unique(["_mapping_no", "_item"], keep="first", maintain_order=True)  # fmt: skip
    mapping = pl.col("_mapping_no").cast(pl.Int64)
    placed = records.join(places, on="_row_id", how="left").with_columns(mapping)
    named = placed.join(columns.with_columns(mapping), on=["_mapping_no", "_item"], how="left")
    return named.select(list(_FOUND)).cast(_FOUND)  # type: ignore[arg-type]


def _released(connection: duckdb.DuckDBPyConnection, unplaced: pl.DataFrame) -> pl.DataFrame:
    """The places of records that only the release before holds, as they were sent last."""
    n_tables = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'previous' AND schema_name = 'meta'"
        " AND table_name IN ('lineage', 'source_sheet')"
    ).fetchall()[0][0]
    if n_tables < 2 or unplaced.is_empty():
        return pl.DataFrame(schema=_FOUND)
    connection.register("wanted", unplaced.to_arrow())
    places = connection.execute(_BEFORE).pl()
    connection.unregister("wanted")
    return places.select(list(_FOUND)).cast(_FOUND)  # type: ignore[arg-type]
