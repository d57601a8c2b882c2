"""What became of every row that was read: nothing is lost on the way.

Belongs here: one fate per source row, the rows of ``quality.row_account``, the proof that they balance.
Does not belong here: deciding on records.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from registry_pipeline.validation.screening.places import count_by_place

FATES = ("rejected", "blank", "superseded", "quarantined", "curated", "duplicate", "upserted", "unrouted")
NAMES = [fate.replace("upserted", "superseded") for fate in FATES]
COUNTS = tuple(
    f"n_{fate}"
    for fate in ("curated", "quarantined", "duplicate", "superseded", "blank", "rejected", "unrouted")
)


def row_fates(
    rows: pl.DataFrame,
    records: Mapping[str, pl.DataFrame],
    is_out: Mapping[str, pl.Series],
    dropped: Iterable[pl.DataFrame],
) -> pl.DataFrame:
    """``_row_id, fate``: one fate for every row read.

    Args:
        rows: every source row, with the fate that reading gave it.
        records: per table every record that was made, with ``_row_ids``.
        is_out: per table whether each record is quarantined.
        dropped: ``_row_id, fate`` of rows that made no record of their own.

    In order: rejected, blank or superseded on reading; quarantined if any record of the row is; curated
    if any was accepted; duplicate; replaced by a later submission. A row that feeds no record is unrouted.
    """
    # The weaker fate first, so that the stronger one stands at the end; a row may be behind many records.
    settled = rows.filter(pl.col("fate").is_not_null()).select("_row_id", "fate")
    gone = [
        frame.with_columns(pl.col("fate").replace("superseded", "upserted"))
        for frame in dropped
        if frame.height
    ]
    parts: list[tuple[str, pl.Series]] = [
        *((fate, _of_fate(frame, fate)) for fate in ("upserted", "duplicate") for frame in gone),
        *(("curated", _behind(frame)) for frame in records.values() if frame.height),
        *(
            ("quarantined", _behind(frame.select("_row_ids").filter(is_out[name])))
            for name, frame in records.items()
            if is_out[name].any()
        ),
        *((fate, _of_fate(settled, fate)) for fate in ("superseded", "blank", "rejected")),
    ]
    rank = _ranked(rows.get_column("_row_id"), parts)
    return rows.select("_row_id", pl.Series("fate", NAMES)[rank])


def _ranked(row_ids: pl.Series, parts: Iterable[tuple[str, pl.Series]]) -> pl.Series:
    """For every row the position in ``FATES`` of the last of the parts that names it; unrouted for no part.

    By place among the sorted ids, not by joins: millions of rows, of which each table names its own.
    """
    order = None if row_ids.is_sorted() else row_ids.arg_sort()
    ordered = row_ids if order is None else row_ids[order]
    rank = np.full(len(row_ids), FATES.index("unrouted"), dtype=np.uint8)
    for fate, ids_of_part in parts:
        ids = ids_of_part.drop_nulls() if ids_of_part.null_count() else ids_of_part
        if len(ids) and len(ordered):
            place = ordered.search_sorted(ids).clip(upper_bound=len(ordered) - 1)  # ids beyond the last
            rank[place.filter(ordered[place] == ids).to_numpy()] = FATES.index(fate)
    if order is None:
        return pl.Series(rank)
    back = np.empty_like(rank)
    back[order.to_numpy()] = rank
    return pl.Series(back)


def _of_fate(frame: pl.DataFrame, fate: str) -> pl.Series:
    return frame.filter(pl.col("fate") == fate).get_column("_row_id")


def _behind(frame: pl.DataFrame) -> pl.Series:
    return frame.get_column("_row_ids").explode(empty_as_null=False)


def row_account(facility_id: str, rows: pl.DataFrame, fates: pl.DataFrame) -> pl.DataFrame:
    """Rows of ``quality.row_account``.

    Raises:
        RuntimeError: the parts do not sum to what was read (a defect of this program).
    """
    where = ["submission_id", "source_file", "sheet"]
    is_alike = rows["_row_id"].equals(fates["_row_id"])
    own = (
        fates
        if is_alike
        else rows.select("_row_id").join(fates, on="_row_id", how="left", maintain_order="left")
    )
    if own.height != rows.height:
        raise RuntimeError(f"rows of {facility_id} have several fates")
    counted = (
        count_by_place(rows, where, {name: own["fate"] == name[2:] for name in COUNTS})
        .with_columns(pl.col("sheet").fill_null(""))
        .group_by(where, maintain_order=True)
        .agg(pl.col("n_rows").sum().alias("n_read"), pl.col(COUNTS).sum())
    )
    unbalanced = counted.filter(pl.col("n_read") != pl.sum_horizontal(*COUNTS))
    if unbalanced.height:
        raise RuntimeError(f"row accounting does not balance for {unbalanced.height} files of {facility_id}")
    return counted.select(pl.lit(facility_id).alias("facility_id"), *where, "n_read", *COUNTS)


def with_empty_sheets(account: pl.DataFrame, sheets: pl.DataFrame, facility_id: str) -> pl.DataFrame:
    """The account with a line for every sheet that has no row, and for every file that could not be read.

    Args:
        account: rows of ``quality.row_account``.
        sheets: ``submission_id, source_file, sheet, n_read`` of everything that was ever sent.
        facility_id: whose they are.
    """
    place = ["submission_id", "source_file", "sheet"]
    unseen = sheets.unique(place, maintain_order=True).join(account, on=place, how="anti", nulls_equal=True)
    rows = [
        pl.lit(facility_id).alias(name)
        if name == "facility_id"
        else pl.col(name).cast(account.schema[name])
        if name in unseen.columns
        else pl.lit(0).cast(account.schema[name]).alias(name)
        for name in account.columns
    ]
    return pl.concat([account, unseen.select(rows)])
