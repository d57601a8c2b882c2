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
        rows.filter(pl.col("fate").is_not_null()).select("_row_id", _rank(pl.col("fate"))),
        *(_behind(frame, "quarantined") for frame in quarantined.values()),
        *(_behind(frame, "curated") for frame in accepted.values()),
        *(
            frame.select("_row_id", _rank(pl.col("fate").replace({"superseded": "upserted"})))
            for frame in dropped
        ),
    ]  # fmt: skip
    first = pl.concat(parts).group_by("_row_id").agg(pl.col("_rank").min())
    found = rows.select("_row_id").join(first, on="_row_id", how="left", maintain_order="left")
    names = [one.replace("upserted", "superseded") for one in FATES]
    rank = found["_rank"].fill_null(FATES.index("blank"))
    return found.select("_row_id", pl.Series("fate", names)[rank])


def _rank(fate: pl.Expr) -> pl.Expr:
    ranks = {one: at for at, one in enumerate(FATES)}
    return fate.cast(pl.String).replace_strict(ranks, return_dtype=pl.Int32).alias("_rank")


def _behind(frame: pl.DataFrame, fate: str) -> pl.DataFrame:
    ids = frame.get_column("_row_ids").explode().alias("_row_id")
    return ids.to_frame().with_columns(pl.lit(FATES.index(fate), dtype=pl.Int32).alias("_rank"))


def row_account(facility_id: str, rows: pl.DataFrame, fates: pl.DataFrame) -> pl.DataFrame:
    """Rows of ``quality.row_account``.

    Raises:
        RuntimeError: the parts do not sum to what was read (a defect of this program).
    """
    where = ["submission_id", "source_file", "sheet"]
    is_alike = rows["_row_id"].equals(fates["_row_id"])
    own = rows.drop("fate")
    judged = own.with_columns(fates["fate"]) if is_alike else own.join(fates, on="_row_id", how="left")
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
