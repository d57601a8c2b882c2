"""From the curated records of a release back to source rows: the tables of the meta layer that say so.

Belongs here: bringing together what staging and screening of all facilities know of where records come from.
Does not belong here: reading the tables (``stewardship/trace``), which row won (``validation/screening``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from registry_pipeline.core.row_id import sheet_number_of, source_row_of
from registry_pipeline.core.source_code import code_digest
from registry_pipeline.core.working_files import noted_digest, working_file
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.keys import screened_content
from registry_pipeline.pipeline.step import digest_of
from registry_pipeline.store.keyed_tables import KeyedTables
from registry_pipeline.store.layers import declaration_digest
from registry_pipeline.store.parquet import read_parquet, rows_digest, scan_rows, write_parquet
from registry_pipeline.validation.records import curated, whole_key
from registry_pipeline.validation.registry_wide.persons import PERSON_TABLES

LINEAGE = {
    "facility_id": pl.String,
    "table_name": pl.String,
    "record_key": pl.String,
    "sheet_no": pl.Int64,
    "source_row": pl.Int64,
    "mapping_no": pl.Int64,
    "items": pl.String,
}


def write_lineage(context: RefreshContext, shares: pl.DataFrame, force: bool = False) -> None:
    """The tables of where curated records come from; rows of facilities that did not change are kept.

    Args:
        shares: which facility's record gave which items of a person whom several know (``ITEM_SHARES``).
    """
    _write_rows(context, shares, force)
    keyed = KeyedTables(context.layout.layer("meta"), force)
    for name in _OF_STAGED:
        _write_of_staged(context, keyed, name)
    keyed.save()


def _write_of_staged(context: RefreshContext, keyed: KeyedTables, name: str) -> None:
    """A table of what staging noticed; rows of facilities that staged the same again are those of the last time."""
    frame, make = _OF_STAGED[name]
    key = digest_of(code_digest(__name__), declaration_digest(f"meta.{name}"))
    staged = {
        sender: str(noted_digest(context.layout.staged_frame(sender, frame))) for sender in context.senders
    }
    noted = keyed.parts(name) if keyed.is_current(name, key) else {}
    if noted == staged:
        return
    earlier = read_parquet(keyed.path(name)).partition_by("facility_id", as_dict=True) if noted else {}
    parts = []
    for sender, digest in staged.items():
        rows = earlier.get((sender,)) if noted.get(sender) == digest else None
        parts.append(make(context, sender) if rows is None else rows)
    write_parquet(pl.concat(parts), keyed.path(name))
    keyed.remember(name, key, sum(rows.height for rows in parts), staged)


def _write_rows(context: RefreshContext, shares: pl.DataFrame, force: bool) -> None:
    """Rows of ``meta.lineage``, a file per facility."""
    keyed = KeyedTables(context.layout.lineage(), force)
    code, declared = code_digest(__name__), declaration_digest("meta.lineage")
    accepted = screened_content(context, [f"{table}.accepted.parquet" for table in curated()])
    for sender, *files in accepted:
        # what a facility gave of a person follows from the records of the others too
        own = shares.filter(facility_id=sender).sort(pl.all())
        key = digest_of(code, declared, sender, files, rows_digest(own))
        if not keyed.is_current(sender, key):
            rows = lineage(context, sender, own)
            write_parquet(rows, keyed.path(sender))
            keyed.remember(sender, key, rows.height)
    keyed.save()


def lineage(context: RefreshContext, facility_id: str, shares: pl.DataFrame) -> pl.DataFrame:
    """Rows of ``meta.lineage`` of a facility, by table.

    Args:
        shares: which facility's record gave which items of a person whom several know (``ITEM_SHARES``).
    """
    parts = [_of_table(context, facility_id, table) for table in curated()]
    rows = pl.concat([pl.DataFrame(schema=LINEAGE), *parts])
    return rows if shares.is_empty() else _shared(rows, shares)


def _of_table(context: RefreshContext, facility_id: str, table: str) -> pl.DataFrame:
    """Of the records that a facility sent of one table."""
    path = working_file(context.layout.screened_table(facility_id, table), context.layout.root)
    if path is None:
        return pl.DataFrame(schema=LINEAGE)
    columns = ["_row_ids", "_mapping_no", "_item_sources"]
    records = (
        pl.scan_parquet(path, glob=False).select(whole_key(table).alias("record_key"), *columns).collect()
    )
    is_merged = pl.col("_item_sources").is_not_null()
    plain = records.filter(~is_merged).explode("_row_ids").select(
        "record_key", pl.col("_row_ids").alias("row_id"), pl.col("_mapping_no").alias("mapping_no"),
        pl.lit(None, dtype=pl.String).alias("items"),
    )  # fmt: skip
    merged = records.filter(is_merged).select("record_key", "_item_sources").explode("_item_sources")
    rows = pl.concat([plain, merged.unnest("_item_sources").select(plain.columns)]).sort(
        "row_id", maintain_order=True
    )
    return rows.select(
        pl.lit(facility_id).alias("facility_id"),
        pl.lit(table).alias("table_name"),
        "record_key",
        sheet_number_of(pl.col("row_id")).alias("sheet_no"),
        source_row_of(pl.col("row_id")).alias("source_row"),
        pl.col("mapping_no").cast(pl.Int64),
        "items",
    )


def _shared(rows: pl.DataFrame, shares: pl.DataFrame) -> pl.DataFrame:
    """Of persons whom several facilities know: a row gave what its facility's record gave to the person."""
    shared = shares.rename({"patient_id": "record_key", "items": "_given"})
    joined = rows.join(
        shared, on=["table_name", "record_key", "facility_id"], how="left", maintain_order="left"
    )
    own, given_items = pl.col("items").str.split(","), pl.col("_given").str.split(",")
    both = own.list.set_intersection(given_items).list.join(",")
    is_person = pl.col("table_name").is_in(PERSON_TABLES) & pl.col("_given").is_not_null()
    items = pl.when(is_person).then(pl.when(pl.col("items").is_null()).then("_given").otherwise(both))
    return joined.with_columns(items.otherwise("items").alias("items")).select(list(LINEAGE))


def _staged(context: RefreshContext, sender: str, frame: str) -> pl.DataFrame:
    """A staged frame, with its facility."""
    rows = read_parquet(context.whole(context.layout.staged_frame(sender, frame)))
    return rows.with_columns(pl.lit(sender).alias("facility_id"))


def _column_map(context: RefreshContext, sender: str) -> pl.DataFrame:
    """Rows of ``meta.column_map``."""
    return _staged(context, sender, "column_map")


def _sheets(context: RefreshContext, sender: str) -> pl.DataFrame:
    """Rows of ``meta.source_sheet``: one row of each sheet says where all of them stood."""
    place = ("submission_id", "source_file", "sheet", "source_name")
    rows = scan_rows(context.whole(context.layout.staged_frame(sender, "rows")))
    sheets = rows.group_by(sheet_number_of(pl.col("_row_id")).alias("sheet_no")).agg(pl.col(place).first())
    named = sheets.with_columns(pl.col(place).cast(pl.String), pl.lit(sender).alias("facility_id"))
    return named.sort("sheet_no").collect()


def _headers(context: RefreshContext, sender: str) -> pl.DataFrame:
    """Rows of ``meta.source_header``."""
    headers = _staged(context, sender, "headers").rename({"_sheet": "sheet_no"})
    return headers.filter(pl.col("header") != pl.col("source_column"))


_OF_STAGED: Mapping[str, tuple[str, Callable[[RefreshContext, str], pl.DataFrame]]] = {
    "column_map": ("column_map", _column_map),
    "source_sheet": ("rows", _sheets),
    "source_header": ("headers", _headers),
}
"""Table -> the staged frame that a facility's rows of it are made of, and how."""
