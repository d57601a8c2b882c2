"""What became of every row that was read: nothing is lost on the way.

Belongs here: one fate per source row, the rows of ``quality.row_account``, the proof that they balance.
Does not belong here: deciding on records.
"""

from collections.abc import Iterable, Mapping

import polars as pl

FATES = ("rejected", "blank", "superseded", "quarantined", "curated", "duplicate", "upserted")
COUNTS = tuple(
    f"n_{fate}" for fate in ("curated", "quarantined", "duplicate", "superseded", "blank", "rejected")
)


def row_fates(
    rows: pl.DataFrame,
    accepted: Mapping[str, pl.DataFrame],
    quarantined: Mapping[str, pl.DataFrame],
    dropped: Iterable[pl.DataFrame],
) -> pl.DataFrame:
    """``_row_id, fate``: one fate for every row read.

    In order: rejected, blank or superseded on reading; quarantined if any record of the row is; curated
    if any was accepted; duplicate; replaced by a later submission. A row that feeds no record is blank.
    """
    parts = [
        rows.filter(pl.col("fate").is_not_null()).select("_row_id", pl.col("fate").cast(pl.String)),
        *(_behind(frame, "quarantined") for frame in quarantined.values()),
        *(_behind(frame, "curated") for frame in accepted.values()),
        *(
            frame.with_columns(pl.col("fate").replace({"superseded": "upserted"}))
            for frame in dropped
        ),
    ]  # fmt: skip
    rank = pl.col("fate").replace_strict({fate: at for at, fate in enumerate(FATES)}, return_dtype=pl.Int32)
    first = (
        pl.concat(parts).select("_row_id", rank.alias("_rank")).group_by("_row_id").agg(pl.col("_rank").min())
    )
    names = {at: "superseded" if fate == "upserted" else fate for at, fate in enumerate(FATES)}
    fate = pl.col("_rank").fill_null(FATES.index("blank")).replace_strict(names, return_dtype=pl.String)
    return rows.select("_row_id").join(first, on="_row_id", how="left").select("_row_id", fate.alias("fate"))


def _behind(frame: pl.DataFrame, fate: str) -> pl.DataFrame:
    if frame.is_empty():
        return pl.DataFrame(schema={"_row_id": pl.Int64, "fate": pl.String})
    ids = frame.get_column("_row_ids").explode().unique()
    return pl.DataFrame({"_row_id": ids, "fate": [fate] * len(ids)})


def row_account(facility_id: str, rows: pl.DataFrame, fates: pl.DataFrame) -> pl.DataFrame:
    """Rows of ``quality.row_account``.

    Raises:
        RuntimeError: the parts do not sum to what was read (a defect of this program).
    """
    where = ["submission_id", "source_file", "sheet"]
    judged = rows.drop("fate").join(fates, on="_row_id", how="left")
    counted = (
        judged.with_columns(pl.col("sheet").fill_null(""))
        .group_by(where, maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("n_read"),
            *((pl.col("fate") == name[2:]).sum().cast(pl.Int64).alias(name) for name in COUNTS),
        )
    )
    unbalanced = counted.filter(pl.col("n_read") != pl.sum_horizontal(*COUNTS))
    if unbalanced.height or judged.height != rows.height:
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
