"""Findings of files, sheets and rows that made no record, listed up to a bound as those of records are.

Belongs here: what staging met of a file as findings, which of them are listed, the cause that counts the others.
Does not belong here: findings of records (``findings.py``, ``listing.py``).
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np
import polars as pl

from registry_pipeline.core.frames import number_combinations
from registry_pipeline.validation.rules.catalogue import Catalogue
from registry_pipeline.validation.screening.findings import (
    FINDING,
    as_findings,
    finding_ids,
    finding_number,
    with_words,
)
from registry_pipeline.validation.screening.listing import CAUSE, UNLISTED, length_of_lists
from registry_pipeline.validation.screening.other_rows import with_other_rows
from registry_pipeline.validation.screening.places import PLACE, count_by_place
from registry_pipeline.validation.screening.systemic import (
    attached,
    cause_findings,
    causes_in_words,
    with_causes,
)

_NO_ITEMS = pl.col("items").replace("", None)
_OPTIONAL = ("source_name", "severity", "suggestion", "record_key", "_row_id", "_other")


@dataclass(frozen=True)
class FileFindings:
    """Findings of a facility's files.

    Attributes:
        listed: rows of ``quality.finding`` and ``_row_id``.
        causes: findings of the causes of which only a sample is listed, of the same columns.
        unlisted: the others (columns of ``UNLISTED``).
    """

    listed: pl.DataFrame
    causes: pl.DataFrame
    unlisted: pl.DataFrame


def file_findings(
    file_issues: pl.DataFrame,
    rows: pl.DataFrame,
    rules: Catalogue,
    most: int,
    needed: Set[str] = frozenset(),
) -> FileFindings:
    """Findings of files, sheets and unreadable rows.

    The record key is the source's name (the file's where no source claims it), with an ordinal where
    several files or rows break the same rule in the same way.

    Args:
        file_issues: what staging met, with ``facility_id``.
        rows: every source row read.
        most: how many may be listed; where there are more, of every long cause the first.
        needed: ids of findings that are listed in any case, because a decision is applied by them.
    """
    issues = _keyed(file_issues, rules)
    causes, cause = number_combinations(issues, CAUSE, "_cause")
    counts = np.bincount(cause.to_numpy(), minlength=causes.height)
    limit = length_of_lists(counts, most)
    is_listed = cause.to_frame().select(pl.int_range(pl.len()).over("_cause") < limit).to_series()
    if is_listed.all():
        nothing = pl.DataFrame(schema={**FINDING, "_row_id": pl.Int64})
        listed = _worded(issues, rules, rows).with_columns(_NO_ITEMS)
        return FileFindings(listed, nothing, pl.DataFrame(schema=UNLISTED))
    unlisted = issues.with_columns(cause).filter(~is_listed)
    numbers = _numbers(unlisted)
    is_needed = numbers.is_in([int(finding_id[1:], 16) for finding_id in needed])
    needed_rows = unlisted.filter(is_needed)
    unlisted = unlisted.select(numbers, "table_name", "rule_id", "severity", "_cause").filter(~is_needed)
    listed = pl.concat([issues.filter(is_listed), needed_rows.select(issues.columns)])
    sampled = _sampled_causes(causes, counts, unlisted, rows)
    worded = causes_in_words(sampled.with_columns(facility_id=pl.lit(issues["facility_id"][0])), rules)
    return FileFindings(
        attached(_worded(listed, rules, rows), worded).with_columns(_NO_ITEMS),
        cause_findings(worded).with_columns(_NO_ITEMS),
        with_causes(unlisted, worded) if unlisted.height else pl.DataFrame(schema=UNLISTED),
    )


def _worded(listed: pl.DataFrame, rules: Catalogue, rows: pl.DataFrame) -> pl.DataFrame:
    named = with_other_rows(with_words(listed, rules), rows)
    return as_findings(named.with_columns(finding_ids(named)), "_row_id")


def _keyed(file_issues: pl.DataFrame, rules: Catalogue) -> pl.DataFrame:
    """The issues that a rule in force tells, with key, items, severity and what is said in brackets."""
    on = {rule_id: entry.severity for rule_id, entry in rules.of_scope("generic").items()}
    issues = file_issues.filter(pl.col("rule_id").is_in(list(on)))
    for name in _OPTIONAL:
        if name not in issues.columns:
            kind = pl.Int64 if name in ("_row_id", "_other") else pl.String
            issues = issues.with_columns(pl.lit(None, dtype=kind).alias(name))
    severity = pl.coalesce("severity", pl.col("rule_id").replace_strict(on, return_dtype=pl.String))
    source = pl.coalesce("record_key", "source_name", "source_file").fill_null("")
    ordinal = pl.int_range(1, pl.len() + 1).over("rule_id", "record_key", "items", "facility_id")
    numbered = pl.col("record_key") + pl.when(ordinal > 1).then(
        pl.lit("#") + ordinal.cast(pl.String)
    ).otherwise(pl.lit(""))
    return issues.with_columns(
        pl.lit("file").alias("table_name"),
        source.alias("record_key"),
        pl.col("column_name").fill_null("").alias("items"),
        pl.col("column_name").alias("source_column"),
        pl.col("reason").alias("detail"),
        severity.alias("severity"),
    ).with_columns(numbered.alias("record_key"))


def _numbers(unlisted: pl.DataFrame) -> pl.Series:
    keys = unlisted.select("rule_id", "facility_id", "table_name", "record_key", "items").iter_rows()
    numbers = (finding_number(*key) for key in keys)
    return pl.Series("finding_number", np.fromiter(numbers, np.uint64, unlisted.height))


def _sampled_causes(
    causes: pl.DataFrame, counts: np.ndarray, unlisted: pl.DataFrame, rows: pl.DataFrame
) -> pl.DataFrame:
    """The causes of which not all is listed, with what their sentence counts."""
    n_unlisted = np.bincount(unlisted["_cause"].to_numpy(), minlength=causes.height)
    counted = causes.with_columns(
        pl.Series("n_broken", counts, dtype=pl.Int64),
        pl.Series("n_findings", counts, dtype=pl.Int64),
        pl.Series("n_listed", counts - n_unlisted, dtype=pl.Int64),
    ).filter(pl.Series(n_unlisted > 0))
    read = count_by_place(rows, PLACE).select(*PLACE, "n_rows")
    sized = counted.join(read, on=PLACE, how="left", nulls_equal=True, maintain_order="left")
    n_rows = pl.max_horizontal("n_rows", "n_broken")  # lines that are no row of the file are counted too
    return sized.with_columns(n_rows.alias("n_rows"), pl.col("sheet").fill_null(""))
