"""Which findings are listed row by row: of causes that many rows share a sample, the count of each exact.

Belongs here: the cause of every violation, how many there are of it, which of them become findings.
Does not belong here: the words of findings (``findings.py``) and of causes (``systemic.py``), what is quarantined.

A cause is one rule broken in one way in one sheet of one file. Its violations are a few numbers a row; what a data
manager reads of them (key, position, text as received, message) is long, and is made of the listed ones only. So the
memory of a screening grows with the rows, not with what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np
import polars as pl

from registry_pipeline.core.frames import number_combinations, with_schema
from registry_pipeline.validation.records import record_keys
from registry_pipeline.validation.screening.findings import RANK, FindingContext, finding_number, with_origins
from registry_pipeline.validation.screening.places import PLACE
from registry_pipeline.validation.screening.within_table import VIOLATION

BY_RULE = ("rule_id", "table_name", "items", "source_column", "severity")
CAUSE = (*PLACE, *BY_RULE)
LEAST_LISTED = 20
"""Of every cause, however many there are."""
UNLISTED = {
    "finding_number": pl.UInt64,
    "table_name": pl.Categorical,
    "rule_id": pl.Categorical,
    "severity": pl.Categorical,
    "systemic_finding_id": pl.Categorical,
}
_KEYS_AT_A_TIME = 100_000


@dataclass(frozen=True)
class Listing:
    """What becomes of the violations of one facility.

    Attributes:
        listed: those that become findings (columns of ``VIOLATION``, ``_origin`` filled).
        causes: per cause ``CAUSE``, ``_cause`` (its number), ``n_broken`` (source rows), ``n_findings``, ``n_listed``.
        unlisted: of the others ``finding_number, table_name, rule_id, severity, _cause``.
    """

    listed: pl.DataFrame
    causes: pl.DataFrame
    unlisted: pl.DataFrame


def list_violations(
    violations: pl.DataFrame, context: FindingContext, most: int, needed: Set[str] = frozenset()
) -> Listing:
    """Choose the violations that become findings.

    Where there are more than ``most``, the causes with most of them are sampled, all to the same length. The sample is
    that of the smallest finding ids, which the record and the rule make: the next submission shows the same records.

    Args:
        violations: of all records; of several breaches of one rule by one record and its items the gravest counts.
        context: where findings look things up.
        most: how many findings may be listed.
        needed: ids of findings that are listed in any case, because a decision is applied by them.
    """
    located = _located(_gravest(violations), context)
    causes, cause = number_combinations(located, CAUSE, "_cause")
    counts = (
        pl.DataFrame([cause, located["_origin"]])
        .group_by("_cause")
        .agg(pl.col("_origin").n_unique().alias("n_broken"), pl.len().cast(pl.Int64).alias("n_findings"))
    )
    causes = causes.join(counts, on="_cause", maintain_order="left")
    limit = length_of_lists(causes["n_findings"].to_numpy(), most)
    is_long = causes["n_findings"] > limit
    if not is_long.any():
        unlisted = pl.DataFrame(schema={**UNLISTED, "_cause": pl.UInt32}).drop("systemic_finding_id")
        return Listing(with_schema(located, VIOLATION), _counted(causes, unlisted), unlisted)
    tied = located.with_columns(pl.when(is_long.gather(cause)).then(cause).alias("_cause"))
    numbers = _numbers(tied, context)
    is_listed = _sampled(tied["_cause"], numbers, limit, needed)
    counted = tied.select(numbers, "table_name", "rule_id", "severity", "_cause")
    unlisted = counted.filter(~is_listed)
    return Listing(with_schema(tied.filter(is_listed), VIOLATION), _counted(causes, unlisted), unlisted)


def _counted(causes: pl.DataFrame, unlisted: pl.DataFrame) -> pl.DataFrame:
    n_unlisted = unlisted.group_by("_cause").agg(pl.len().cast(pl.Int64).alias("_n"))
    counted = causes.join(n_unlisted, on="_cause", how="left", maintain_order="left")
    n_listed = pl.col("n_findings") - pl.col("_n").fill_null(0)
    return counted.with_columns(n_listed.alias("n_listed")).drop("_n")


def _gravest(violations: pl.DataFrame) -> pl.DataFrame:
    """Of several breaches of one rule by one record and its items the gravest."""
    breach = ["table_name", "_row_id", "rule_id", "items"]
    kinds, kind = number_combinations(violations, [name for name in breach if name != "_row_id"], "_kind")
    if (violations["_row_id"] * kinds.height + kind).n_unique() == violations.height:
        return violations
    rank = pl.col("severity").cast(pl.String).replace_strict(RANK, default=9, return_dtype=pl.Int8)
    return violations.sort(rank, maintain_order=True).unique(breach, keep="first", maintain_order=True)


def _located(violations: pl.DataFrame, context: FindingContext) -> pl.DataFrame:
    """With the source row of the first item, its file and sheet, and the column of the file that it came from."""
    located = with_origins(violations, context)
    is_behind = pl.col("_row_id").is_in(located["_origin"].drop_nulls().unique().implode())
    rows = context.rows.select("_row_id", *PLACE).filter(is_behind)
    rows = rows.with_columns(pl.col(PLACE).cast(pl.Categorical)).rename({"_row_id": "_origin"})
    narrow = located.select("_origin", "table_name", "_item")  # joins copy what they are given
    placed = narrow.join(rows, on="_origin", how="left", maintain_order="left")
    headers = pl.DataFrame(
        [(*key, header) for key, header in context.source_columns.items()],
        schema=dict.fromkeys(("source_name", "table_name", "_item", "_header"), pl.Categorical),
        orient="row",
    )
    joined = placed.join(
        headers, on=["source_name", "table_name", "_item"], how="left", maintain_order="left"
    )
    placed_violations = located.with_columns(joined.select(*PLACE, "_header"))
    return placed_violations.with_columns(pl.coalesce("source_column", "_header").alias("source_column"))


def length_of_lists(counts: np.ndarray, most: int) -> int:
    """The longest list of one cause with which all lists together have at most ``most`` findings."""
    if counts.sum() <= most:
        return int(counts.max(initial=0))
    ordered = np.sort(counts)
    before = np.concatenate(([0], np.cumsum(ordered)[:-1]))
    room = (most - before) // np.arange(len(ordered), 0, -1)
    return max(LEAST_LISTED, int(room[np.argmax(room < ordered)]))


def _numbers(tied: pl.DataFrame, context: FindingContext) -> pl.Series:
    """Of every violation of a long cause the number of its finding's id; 0 for the others."""
    numbers = np.zeros(tied.height, dtype=np.uint64)
    long = tied.select("_cause", "table_name", "rule_id", "items", "_row_id").with_row_index("_at")
    long = long.drop_nulls("_cause")
    for (table, rule_id, items), group in long.group_by(
        "table_name", "rule_id", "items", maintain_order=True
    ):
        keys = record_keys(str(table), context.records[str(table)], group["_row_id"])
        joined = group.select("_at", "_row_id").join(keys, on="_row_id", how="left", maintain_order="left")
        about = (str(rule_id), context.facility_id, str(table))
        for part in joined.iter_slices(_KEYS_AT_A_TIME):
            ids = (
                finding_number(*about, key or "", str(items or "")) for key in part["record_key"].to_list()
            )
            numbers[part["_at"].to_numpy()] = np.fromiter(ids, np.uint64, part.height)
    return pl.Series("finding_number", numbers)


def _sampled(causes: pl.Series, numbers: pl.Series, limit: int, needed: Set[str]) -> pl.Series:
    """True for violations of short causes, for the first of every long one, and for those that are needed."""
    frame = pl.DataFrame([causes, numbers]).with_row_index("_at")
    long = frame.drop_nulls("_cause").sort("_cause", "finding_number", "_at")
    is_first = pl.int_range(pl.len()).over("_cause") < limit
    is_needed = pl.col("finding_number").is_in([int(finding_id[1:], 16) for finding_id in needed])
    left_out = long.filter(~(is_first | is_needed))["_at"]
    is_listed = np.ones(frame.height, dtype=np.bool_)
    is_listed[left_out.to_numpy()] = False
    return pl.Series(is_listed)
