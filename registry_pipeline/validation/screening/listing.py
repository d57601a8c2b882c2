"""Which findings are listed row by row: of causes that many rows share a sample, the count of each exact.

Belongs here: the cause of every violation, how many there are of it, which of them become findings.
Does not belong here: the words of findings (``findings.py``) and of causes (``systemic.py``), what is quarantined.

A cause is one rule broken in one way in one sheet of one file. Its violations are a few numbers a row; what a data
manager reads of them (key, position, text as received, message) is long, and is made of the listed ones only. So the
memory of a screening grows with the rows, not with what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass

import numpy as np
import polars as pl

from registry_pipeline.core.frames import number_combinations, with_schema
from registry_pipeline.validation.records import record_keys
from registry_pipeline.validation.screening.findings import RANK, FindingContext, finding_number, with_origins
from registry_pipeline.validation.screening.places import PLACE
from registry_pipeline.validation.screening.violations import VIOLATION, ErrorRows

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
_CANDIDATE = VIOLATION | {"_cause": pl.UInt32}


@dataclass(frozen=True)
class Listing:
    """What becomes of the violations of a facility, or of several of which all is listed.

    Attributes:
        listed: those that become findings (columns of ``VIOLATION``, ``_origin`` filled).
        causes: per cause ``CAUSE``, ``_cause`` (its number), ``n_broken`` (source rows), ``n_findings``, ``n_listed``,
            ``_origin`` (one of the rows).
        unlisted: of the others ``finding_number`` and ``_cause``.
        errors: the records that errors keep out.
    """

    listed: pl.DataFrame
    causes: pl.DataFrame
    unlisted: pl.DataFrame
    errors: ErrorRows


def list_violations(
    batches: Iterable[pl.DataFrame], context: FindingContext, most: int, needed: Set[str] = frozenset()
) -> Listing:
    """Choose the violations that become findings.

    Where there are more than ``most``, the causes with most of them are sampled, all to the same length. The sample is
    that of the smallest finding ids, which the record and the rule make: the next submission shows the same records.

    Args:
        batches: violations of all records, those of one cause in one frame; of several breaches of one rule by one
            record and its items the gravest counts.
        context: where findings look things up.
        most: how many findings may be listed.
        needed: ids of findings that are listed in any case, because a decision is applied by them.
    """
    lists = _Lists(context, most, needed)
    errors = ErrorRows()
    for batch in batches:
        violations = _gravest(batch)
        errors.add(violations)
        lists.add(_located(violations, context))
    return lists.listing(errors)


class _Lists:
    """The lists of all causes: never longer together than what may be listed of those that have come.

    The more causes there are, the shorter is the longest list, so that what is left out stays out.
    """

    def __init__(self, context: FindingContext, most: int, needed: Set[str]) -> None:
        self.context, self.most, self.needed = context, most, needed
        self.causes: list[pl.DataFrame] = []
        self.n_causes = 0
        self.candidates: list[pl.DataFrame] = []
        self.unlisted = [pl.DataFrame(schema={"finding_number": pl.UInt64, "_cause": pl.UInt32})]

    def add(self, located: pl.DataFrame) -> None:
        """Take violations of further causes."""
        causes, cause = number_combinations(located, CAUSE, "_cause")
        counts = (
            pl.DataFrame([cause, located["_origin"]])
            .group_by("_cause")
            .agg(
                pl.col("_origin").n_unique().alias("n_broken"),
                pl.len().cast(pl.Int64).alias("n_findings"),
                pl.col("_origin").min(),
            )
        )
        counted = causes.join(counts, on="_cause", maintain_order="left")
        number = (pl.col("_cause") + self.n_causes).cast(pl.UInt32)
        self.n_causes += causes.height
        self.causes.append(counted.with_columns(number))
        numbered = located.with_columns(cause.alias("_cause")).with_columns(number)
        self.candidates.append(self._listed(with_schema(numbered, _CANDIDATE)))

    def listing(self, errors: ErrorRows) -> Listing:
        """What is listed in the end."""
        listed = self._listed(pl.concat([pl.DataFrame(schema=_CANDIDATE), *self.candidates]))
        unlisted = pl.concat(self.unlisted)
        n_unlisted = unlisted.group_by("_cause").agg(pl.len().cast(pl.Int64).alias("_n"))
        counted = self._counts().join(n_unlisted, on="_cause", how="left", maintain_order="left")
        n_listed = pl.col("n_findings") - pl.col("_n").fill_null(0)
        causes = counted.with_columns(n_listed.alias("n_listed")).drop("_n")
        return Listing(with_schema(listed, VIOLATION), causes, unlisted, errors)

    def _counts(self) -> pl.DataFrame:
        counts = {"_cause": pl.UInt32, **dict.fromkeys(CAUSE, pl.Categorical)}
        counts |= {"n_broken": pl.UInt32, "n_findings": pl.Int64, "_origin": pl.Int64}
        return pl.concat([pl.DataFrame(schema=counts), *self.causes])

    def _listed(self, candidates: pl.DataFrame) -> pl.DataFrame:
        """Those that fit the lists as they are by now; the others are noted as unlisted."""
        counts = self._counts()
        limit = length_of_lists(counts["n_findings"].to_numpy(), self.most)
        is_long = (counts["n_findings"] > limit).gather(candidates["_cause"])
        if not is_long.any():
            return candidates
        numbers = _numbers(candidates, is_long, self.context)
        is_listed = _sampled(candidates["_cause"], is_long, numbers, limit, self.needed)
        self.unlisted.append(pl.DataFrame([numbers, candidates["_cause"]]).filter(~is_listed))
        return candidates.filter(is_listed)


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
    headers, by = context.headers("_item", "_header")
    if context.facilities.key:
        placed = placed.with_columns(
            context.facilities.of_row("_origin").cast(pl.Categorical).alias("facility_id")
        )
    joined = placed.join(headers.cast(pl.Categorical), on=by, how="left", maintain_order="left")
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


def _numbers(candidates: pl.DataFrame, is_long: pl.Series, context: FindingContext) -> pl.Series:
    """Of every violation of a long cause the number of its finding's id; 0 for the others."""
    numbers = np.zeros(candidates.height, dtype=np.uint64)
    narrow = candidates.select("table_name", "rule_id", "items", "_row_id").with_row_index("_at")
    for (table, rule_id, items), group in narrow.filter(is_long).group_by(
        "table_name", "rule_id", "items", maintain_order=True
    ):
        keys = record_keys(str(table), context.records[str(table)], group["_row_id"])
        joined = group.select("_at", "_row_id").join(keys, on="_row_id", how="left", maintain_order="left")
        about = (str(rule_id), context.facilities.ids[0], str(table))  # many come of one only
        for part in joined.iter_slices(_KEYS_AT_A_TIME):
            ids = (
                finding_number(*about, key or "", str(items or "")) for key in part["record_key"].to_list()
            )
            numbers[part["_at"].to_numpy()] = np.fromiter(ids, np.uint64, part.height)
    return pl.Series("finding_number", numbers)


def _sampled(
    causes: pl.Series, is_long: pl.Series, numbers: pl.Series, limit: int, needed: Set[str]
) -> pl.Series:
    """True for violations of short causes, for the first of every long one, and for those that are needed."""
    long = pl.DataFrame([causes, numbers]).with_row_index("_at").filter(is_long)
    ordered = long.sort("_cause", "finding_number", "_at")
    is_first = pl.int_range(pl.len()).over("_cause") < limit
    is_needed = pl.col("finding_number").is_in([int(finding_id[1:], 16) for finding_id in needed])
    left_out = ordered.filter(~(is_first | is_needed))["_at"]
    is_listed = np.ones(len(causes), dtype=np.bool_)
    is_listed[left_out.to_numpy()] = False
    return pl.Series(is_listed)
