"""What staging and consolidation met, as violations of the generic rules.

Belongs here: tying a parse issue or a conflict to its record. Does not belong here: judging records.
"""

from collections.abc import Collection, Mapping

import numpy as np
import polars as pl

from registry_pipeline.core.frames import Slices
from registry_pipeline.core.side_by_side import Bounds, place_of_row
from registry_pipeline.validation.records import record_keys, required_items
from registry_pipeline.validation.rules.catalogue import Catalogue
from registry_pipeline.validation.screening.consolidate import ACROSS_SOURCES, WITHIN_SOURCE, Consolidated
from registry_pipeline.validation.screening.within_table import Outcome
from schemas.reasons import REASONS

MISSING = ("S10", "S14")
_AT_A_TIME = 500_000
"""Issues that are tied together."""
DETAILS = {"S11": "two systems differ by 1462 days: one of them counts days from 1904"}
SAME_KEY = "rows with the same key differ"
FIRST_COUNTS = "rows with the same key differ; no precedence is declared, so the source that the mapping names first counts"


def issue_violations(
    issues: Slices, records: Mapping[str, pl.DataFrame], rules: Catalogue, outcome: Outcome
) -> None:
    """Parse issues of rows that are behind a record, into ``outcome``.

    Issues of superseded or duplicate rows have no record and are left out: the row that stands speaks.
    """
    severity = {rule_id: entry.severity for rule_id, entry in rules.of_scope("generic", "table").items()}
    for part in issues.iter_slices(_AT_A_TIME):
        judged = part.filter(pl.col("rule_id").is_in(list(severity)))
        for (name,), group in judged.group_by("table_name", maintain_order=True):
            if str(name) not in records:
                raise ValueError(f"staging reports issues of an unknown table: {name}")
            _tie(group, str(name), records[str(name)], severity, rules, outcome)


def _tie(
    issues: pl.DataFrame,
    name: str,
    records: pl.DataFrame,
    severity: Mapping[str, str],
    rules: Catalogue,
    outcome: Outcome,
) -> None:
    """The issues of one table, into ``outcome``."""
    level = pl.col("rule_id").replace_strict(severity, return_dtype=pl.String)
    if "S14" in severity:  # an item that the record can do without is no reason to lose the record
        is_optional = ~pl.col("column_name").is_in(required_items(name))
        softer = pl.lit(rules.entries["S14"].warning_severity.replace("off", "info"))
        level = pl.when(is_optional & (pl.col("rule_id") == "S14")).then(softer).otherwise(level)
    tied = _tied(issues, name, records).with_columns(
        pl.col("column_name").alias("items"),
        level.alias("severity"),
        _in_words(pl.col("reason")).alias("detail"),
        pl.col("_source").alias("_origin"),
    )
    outcome.violations.add(tied)
    place = place_of_row(outcome.n_facilities, "_source").alias("_place")
    for rule_id, at, count in tied.group_by("rule_id", place).len().iter_rows():
        if rules.entries[rule_id].unit != "redcap":  # staging tells what those have judged
            outcome.count(rule_id, [count if at == own else None for own in range(outcome.n_facilities)])


def _tied(issues: pl.DataFrame, name: str, records: pl.DataFrame) -> pl.DataFrame:
    """Issues with the ``_row_id`` of their record; of a wide row's several records the one they name."""
    links = records.select("_row_id", pl.col("_row_ids").alias("_source")).explode("_source")
    linked = issues.rename({"_row_id": "_source"}).join(
        links, on="_source", how="inner", maintain_order="left"
    )
    keys = record_keys(name, records, linked["_row_id"]).with_columns(
        pl.col("record_key").str.replace(r"#[0-9]+\z", "")
    )
    tied = linked.join(keys, on="_row_id", how="left", maintain_order="left")
    if "_record_key" not in issues.columns:
        return tied
    is_named = pl.col("_record_key").is_null() | (pl.col("_record_key") == pl.col("record_key"))
    return tied.filter(is_named)


def _in_words(reason: pl.Expr) -> pl.Expr:
    is_code = reason.str.contains(r"\A[a-z_]+\z")
    words = pl.when(is_code).then(reason.str.replace_all("_", " ")).otherwise(reason)
    return reason.replace_strict(dict(REASONS), default=words, return_dtype=pl.String)


def conflict_violations(
    consolidated: Mapping[str, Consolidated],
    rules: Catalogue,
    outcome: Outcome,
    places: Mapping[str, Bounds],
    precedence: Collection[str],
) -> None:
    """Items in which rows of one key contradict each other, into ``outcome``.

    Free text that differs is a warning: no analysis rests on it. Of two sources it is said where nobody has declared
    which one counts: ``precedence`` holds the tables, and columns of them, for which somebody has.
    """
    on = rules.of_scope("generic", "facility", "table")
    for name, table in consolidated.items():
        across = {rule for item, rule in ACROSS_SOURCES.items() if item.startswith(f"{name}.")}
        for rule_id in {WITHIN_SOURCE.get(name, "S16"), "S17", "S11"} | across:
            if rule_id not in on:
                continue
            if rule_id in ("V01", "L01", "H03", "S16", "S17"):
                outcome.count(rule_id, [height for _, height in places[name]])
            if table.conflicts.is_empty():
                continue
            detail = pl.lit(DETAILS.get(rule_id, SAME_KEY))
            if rule_id in {"S17"} | across and name not in precedence:
                is_chosen = pl.format(f"{name}.{{}}", "items").is_in(list(precedence))
                detail = pl.when(is_chosen).then(detail).otherwise(pl.lit(FIRST_COUNTS))
            level = pl.when("is_free_text").then(pl.lit(on[rule_id].warning_severity))
            conflicts = table.conflicts.filter(pl.col("rule_id") == rule_id).with_columns(
                pl.lit(name).alias("table_name"),
                level.otherwise(pl.lit(on[rule_id].severity)).alias("severity"),
                detail.alias("detail"),
            )
            outcome.violations.add(conflicts)


def without_echoes(violations: pl.DataFrame) -> pl.DataFrame:
    """Without 'missing' findings where the item is missing because it could not be read.

    The finding that stays takes the severity of the one that goes: an item that a record cannot do
    without is an error, whatever made it unreadable.
    """
    place = ["table_name", "_row_id", "items"]
    # A few columns beside the place: there may be more violations than rows, and a copy of all of them is large.
    narrow = violations.select(
        *place,
        pl.int_range(pl.len(), dtype=pl.Int64).alias("_at"),
        pl.col("value_text").is_not_null().alias("_is_unread"),
        (pl.col("rule_id").is_in(MISSING) & pl.col("value_text").is_null()).alias("_is_missing"),
        (pl.col("severity") == "error").alias("_is_error"),
    )
    unread = narrow.filter("_is_unread")
    echoes = narrow.filter("_is_missing").join(unread, on=place, how="semi")
    if echoes.is_empty():
        return violations
    raised = unread.join(echoes.filter("_is_error"), on=place, how="semi")
    error = pl.when(_at(raised, violations.height)).then(pl.lit("error").cast(pl.Categorical))
    severity = error.otherwise(pl.col("severity")).alias("severity")
    return violations.with_columns(severity).filter(~_at(echoes, violations.height))


def _at(chosen: pl.DataFrame, height: int) -> pl.Series:
    """True at the places that the column ``_at`` of some rows names."""
    is_chosen = np.zeros(height, dtype=np.bool_)
    is_chosen[chosen["_at"].to_numpy()] = True
    return pl.Series(is_chosen)
