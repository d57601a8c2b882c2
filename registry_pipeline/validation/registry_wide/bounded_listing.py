"""Which findings of a registry-wide rule are listed: of a change of every record a sample, the count of all exact.

Belongs here: ids, the sample of each cause, the finding of the cause. Does not belong here: the same within one facility
(``screening/listing.py``), the words of a finding.

A facility that sends another unit or other numbers changes every record of a table between two releases.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np
import polars as pl

from registry_pipeline.core.frames import number_combinations, with_schema
from registry_pipeline.validation.rules.catalogue import RuleEntry, message_of
from registry_pipeline.validation.screening.findings import FINDING, finding_number
from registry_pipeline.validation.screening.listing import UNLISTED, length_of_lists

CAUSE_KEY = "systemic "
"""The record key of the finding of a cause begins so."""
_CAUSE = ("facility_id", "table_name", "items", "severity")
SAMPLED = "{n_findings} findings of this rule, too many to list each of them: {n_listed} are listed, all are counted."
"""Stands before the rule's own message."""


@dataclass(frozen=True)
class Bound:
    """How many findings of a rule are listed.

    Attributes:
        most: at most, over all facilities.
        needed: ids of findings that are listed in any case, because a decision speaks of them.
    """

    most: int
    needed: Set[str] = frozenset()


UNBOUNDED = Bound(2**62)


@dataclass(frozen=True)
class RegistryListing:
    """What becomes of the rows that break a registry-wide rule.

    Attributes:
        listed: with ``finding_id`` and ``systemic_finding_id``.
        causes: rows of ``quality.finding`` of the causes of which only a sample is listed.
        unlisted: the others (columns of ``UNLISTED``).
    """

    listed: pl.DataFrame
    causes: pl.DataFrame
    unlisted: pl.DataFrame


def list_broken(broken: pl.DataFrame, entry: RuleEntry, bound: Bound) -> RegistryListing:
    """Choose the rows that become findings: of a long cause those with the smallest ids, as within a facility.

    Args:
        broken: ``facility_id, table_name, record_key, items, severity`` and whatever else findings say.
    """
    numbers = _numbers(broken, entry)
    broken = broken.with_columns(
        pl.Series("finding_id", [f"F{number:016x}" for number in numbers], dtype=pl.String)
    )
    causes, cause = number_combinations(broken, _CAUSE, "_cause")
    counts = np.bincount(cause.to_numpy(), minlength=causes.height)
    limit = length_of_lists(counts, bound.most)
    rank = pl.DataFrame([cause, numbers]).select(pl.col("finding_number").rank("ordinal").over("_cause"))
    is_listed = (rank.to_series() <= limit) | broken["finding_id"].is_in(list(bound.needed))
    n_listed = np.bincount(cause.filter(is_listed).to_numpy(), minlength=causes.height)
    worded = _in_words(causes, counts, n_listed, entry)
    systemic = worded.select("_cause", pl.col("finding_id").alias("systemic_finding_id"))
    tied = pl.DataFrame(cause).join(systemic, on="_cause", how="left", maintain_order="left")
    hung = broken.with_columns(tied["systemic_finding_id"])
    unlisted = hung.select(numbers, "table_name", "rule_id", "severity", "systemic_finding_id")
    return RegistryListing(
        hung.filter(is_listed),
        with_schema(worded, FINDING),
        with_schema(unlisted.filter(~is_listed), UNLISTED),
    )


def _numbers(broken: pl.DataFrame, entry: RuleEntry) -> pl.Series:
    keys = broken.select("facility_id", "table_name", "record_key", "items").fill_null("")
    numbers = (finding_number(entry.rule_id, *row) for row in keys.iter_rows())
    return pl.Series("finding_number", np.fromiter(numbers, np.uint64, broken.height))


def _in_words(
    causes: pl.DataFrame, counts: np.ndarray, n_listed: np.ndarray, entry: RuleEntry
) -> pl.DataFrame:
    """The causes of which not all is listed, as findings, with their ``_cause``."""
    messages = [
        SAMPLED.format(n_findings=n_all, n_listed=n_shown) + " " + message_of(entry, items)
        for n_all, n_shown, items in zip(counts, n_listed, causes["items"], strict=True)
    ]
    frame = causes.with_columns(
        pl.Series("message", messages, dtype=pl.String),
        pl.concat_str(pl.lit(CAUSE_KEY), pl.col("table_name").fill_null(""), pl.lit("|"), "severity").alias(
            "record_key"
        ),
        pl.lit(entry.rule_id).alias("rule_id"),
        pl.lit("open").alias("status"),
        pl.Series("n_rows", counts, dtype=pl.Int64),
    ).filter(pl.Series(n_listed < counts, dtype=pl.Boolean))
    ids = [f"F{number:016x}" for number in _numbers(frame, entry)]
    return frame.with_columns(pl.Series("finding_id", ids, dtype=pl.String))
