"""The life of a finding across releases: in which of its states it is after a refresh.

Belongs here: carrying status and releases from the previous findings to the current ones.
Does not belong here: making findings, storing decisions, looking up what became of their records
(``pipeline/vanished_findings.py``).

A finding is open (``open``, ``sent``, ``answered``, ``reopened``) or closed: ``corrected`` by itself when its rule
is no longer broken, ``corrected_here`` while a correction of the registry stands in for the source's,
``gone`` when its record is no longer sent, else by a decision (``confirmed``, ``waived``, ``same_person``,
``different_persons``).
"""

from dataclasses import dataclass

import polars as pl

from registry_pipeline.core.frames import with_schema
from registry_pipeline.validation.screening.findings import FINDING
from schemas.codes import OPEN_STATUSES

DECIDED = ("sent", "answered", "confirmed", "waived", "same_person", "different_persons", "reopened")
MERGED = "same_person"
STATES = {"finding_id": pl.String, "state": pl.String}


@dataclass(frozen=True)
class Vanished:
    """What became of values and records behind findings, of those that this refresh no longer shows above all.

    Attributes:
        gone: ids of those whose record is no longer sent.
        corrected_here: ids of those whose correction was applied.
        restored: ids of comparisons with an earlier release whose old value the source sends again.
        comparing_rules: rules that compare with an earlier release. The refresh after compares with the changed
            value and finds nothing, which answers nobody's question.
        unusable: ids of those whose correction has a value that its column does not take any more.
    """

    gone: frozenset[str] = frozenset()
    corrected_here: frozenset[str] = frozenset()
    restored: frozenset[str] = frozenset()
    comparing_rules: frozenset[str] = frozenset()
    unusable: frozenset[str] = frozenset()


NOTHING_KNOWN = Vanished()


def merge_lifecycle(
    current: pl.DataFrame,
    previous: pl.DataFrame | None,
    release_id: str,
    states: pl.DataFrame | None = None,
    vanished: Vanished = NOTHING_KNOWN,
) -> pl.DataFrame:
    """The findings of a release with their status and the releases that showed them.

    Args:
        current: findings of this refresh (columns of ``quality.finding``).
        previous: findings of the release before, or None.
        release_id: the release that is being made.
        states: ``finding_id, state``: what the last decision on a finding makes of it.
        vanished: what became of the previous findings that are not among the current ones.

    Returns:
        Every current finding and every earlier one, each in exactly one state. A comparison with an earlier
        release stays in its state until somebody decides or the source restores the value. A pair that a
        decision made one person is no pair any more; it stays ``same_person`` while the decision holds.
    """
    decided = pl.DataFrame(schema=STATES) if states is None else states.cast(STATES)  # type: ignore[arg-type]
    now = with_schema(current, FINDING).unique("finding_id", keep="first", maintain_order=True)
    before = with_schema(pl.DataFrame(schema=FINDING) if previous is None else previous, FINDING)
    before = before.unique("finding_id", keep="first", maintain_order=True)
    history = before.select(
        "finding_id",
        pl.col("status").replace("closed", "corrected").alias("_was"),  # releases of the first version
        pl.col("first_seen_release").alias("_first"),
        pl.col("closed_release").alias("_closed"),
    )
    missing = before.join(now, on="finding_id", how="anti", maintain_order="left")
    joined = pl.concat([now.with_columns(_is_current=True), missing.with_columns(_is_current=False)])
    joined = joined.join(history, on="finding_id", how="left", maintain_order="left").join(
        decided.unique("finding_id", keep="last"), on="finding_id", how="left", maintain_order="left"
    )
    is_carried = pl.col("rule_id").is_in(list(vanished.comparing_rules)) & ~_named(vanished.restored)
    is_carried &= ~pl.col("_was").is_in(["corrected", "gone"])
    shown = pl.col("_is_current") | is_carried.fill_null(False)
    status = pl.when(shown).then(_shown_status(vanished)).otherwise(_vanished_status(vanished))
    living = joined.with_columns(status.alias("status"), shown.alias("_is_shown"))
    is_open = pl.col("status").is_in(list(OPEN_STATUSES))
    was_open = pl.col("_was").is_in(list(OPEN_STATUSES)).fill_null(True)
    return living.with_columns(
        pl.coalesce("_first", pl.lit(release_id)).alias("first_seen_release"),
        pl.when("_is_shown")
        .then(pl.lit(release_id))
        .otherwise("last_seen_release")
        .alias("last_seen_release"),
        pl.when(is_open)
        .then(None)
        .when(was_open)
        .then(pl.lit(release_id))
        .otherwise("_closed")
        .alias("closed_release"),
    ).select(list(FINDING))


def _named(ids: frozenset[str]) -> pl.Expr:
    return pl.col("finding_id").is_in(list(ids))


def _shown_status(vanished: Vanished) -> pl.Expr:
    """A decision; else one that had been closed is reopened; else what it was, if it was asked before."""
    was, state = pl.col("_was"), pl.col("state")
    closed_by_itself = was.is_in(["corrected", "corrected_here", "gone", MERGED])
    undecided = (
        pl.when(closed_by_itself | (was == "reopened")).then(pl.lit("reopened")).otherwise(pl.lit("open"))
    )
    # A correction that was applied and whose finding is still there has not helped: its own value is wrong too.
    return (
        pl.when((state == "correction") & _named(vanished.corrected_here | vanished.unusable))
        .then(pl.lit("reopened"))
        .when(state == "correction")
        .then(pl.lit("corrected_here"))
        .when(state.is_in(list(DECIDED)))
        .then(state)
        .otherwise(undecided)
    )


def _vanished_status(vanished: Vanished) -> pl.Expr:
    return (
        pl.when(_named(vanished.corrected_here))
        .then(pl.lit("corrected_here"))
        .when((pl.col("state") == MERGED).fill_null(False))
        .then(pl.lit(MERGED))
        .when(_named(vanished.gone))
        .then(pl.lit("gone"))
        .otherwise(pl.lit("corrected"))
    )
