"""The life of a finding across releases: open, closed, reopened, and what people decided of it.

Belongs here: carrying status and releases from the previous findings to the current ones.
Does not belong here: making findings, storing decisions.
"""

import polars as pl

from registry_pipeline.core.frames import with_schema
from registry_pipeline.validation.screening.findings import FINDING

DECIDED = ("answered", "confirmed", "waived", "same_person", "different_persons", "reopened")
MERGED = "same_person"


def merge_lifecycle(
    current: pl.DataFrame,
    previous: pl.DataFrame | None,
    release_id: str,
    decisions: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The findings of a release with their status and the releases that showed them.

    Args:
        current: findings of this refresh (columns of ``quality.finding``).
        previous: findings of the release before, or None.
        release_id: the release that is being made.
        decisions: ``finding_id, state`` in the order in which they were taken, the ones in force only;
            the last one of a finding counts. None: decided states are carried over as they are.

    Returns:
        Every current finding, and every earlier one that is no longer broken as ``closed``, with the
        release that last showed it. A pair that a decision made one person is no pair any more; it stays
        ``same_person`` while the decision holds, so that it can be found and withdrawn.
    """
    now = current.select(list(FINDING)).unique("finding_id", keep="first", maintain_order=True)
    before = pl.DataFrame(schema=FINDING) if previous is None else _as_now(previous)
    history = before.select(
        "finding_id",
        pl.col("status").alias("_status"),
        pl.col("first_seen_release").alias("_first"),
    ).unique("finding_id")
    joined = now.join(history, on="finding_id", how="left", maintain_order="left")
    joined = joined.join(_latest(decisions), on="finding_id", how="left", maintain_order="left")
    living = joined.with_columns(
        _status(decisions is not None).alias("status"),
        pl.coalesce("_first", pl.lit(release_id)).alias("first_seen_release"),
        pl.lit(release_id).alias("last_seen_release"),
    ).select(list(FINDING))
    gone = before.join(now, on="finding_id", how="anti", maintain_order="left").join(
        _latest(decisions), on="finding_id", how="left", maintain_order="left"
    )
    is_merged = (pl.col("_decided") if decisions is not None else pl.col("status")) == MERGED
    closed = gone.with_columns(
        pl.when(is_merged).then(pl.lit(MERGED)).otherwise(pl.lit("closed")).alias("status")
    ).select(list(FINDING))
    return pl.concat([living, closed.unique("finding_id", keep="first", maintain_order=True)])


def _as_now(previous: pl.DataFrame) -> pl.DataFrame:
    """Findings of an earlier release with the columns of today."""
    return with_schema(previous, FINDING)


def _latest(decisions: pl.DataFrame | None) -> pl.DataFrame:
    if decisions is None or decisions.is_empty():
        return pl.DataFrame(schema={"finding_id": pl.String, "_decided": pl.String})
    last = decisions.unique("finding_id", keep="last", maintain_order=True)
    return last.select("finding_id", pl.col("state").cast(pl.String).alias("_decided"))


def _status(is_ledger_given: bool) -> pl.Expr:
    """A decision in force; else a finding that had been closed is reopened; else it stays what it was."""
    was = pl.col("_status")
    kept = ["reopened"] if is_ledger_given else ["reopened", *DECIDED]
    undecided = (
        pl.when(was.is_in(["closed", MERGED]))
        .then(pl.lit("reopened"))
        .when(was.is_in(kept))
        .then(was)
        .otherwise(pl.lit("open"))
    )
    return pl.when(pl.col("_decided").is_in(list(DECIDED))).then("_decided").otherwise(undecided)
