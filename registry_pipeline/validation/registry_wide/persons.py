"""Patients who are one person by decision: their records under one pseudonym.

Belongs here: replacing pseudonyms in staged frames before they are judged, and making one row of the
accepted records of a person whom two facilities know.
Does not belong here: which patients are merged (``validation/decisions/in_force.py``), judging records.

Within a facility a merge takes effect before the records are judged, so that what contradicts itself is
found by the rules that find it in any patient. An identifier that begins with the pseudonym (a template)
follows, just as if a cross-reference had linked the numbers. Between facilities only ``patient_id``
changes: each facility's records stay its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from registry_pipeline.core.frames import ChangedSlices, Slices, with_schema
from registry_pipeline.core.home import WHOLE_REGISTRY
from registry_pipeline.validation.records import curated
from registry_pipeline.validation.rules.catalogue import Catalogue, message_of
from registry_pipeline.validation.screening.consolidate import Consolidation, consolidate_table
from registry_pipeline.validation.screening.facilities import StagedFrames
from registry_pipeline.validation.screening.findings import FINDING, finding_ids
from registry_pipeline.validation.screening.other_rows import place_in_words

PSEUDONYM_LENGTH = 17
PERSON_TABLES = ("patient", "death")
_OWN = ("facility_id", "source_patient_id")
CONFLICT: dict[str, Any] = {
    **dict.fromkeys(("table_name", "patient_id", "items", "rule_id", "facility_id"), pl.String),
    "_row_id": pl.Int64,
    "other_facility_id": pl.String,
    "_other_row_id": pl.Int64,
}
"""What two facilities say differently of one person, and the source rows that say it."""
FACILITIES_DIFFER = "two facilities differ: {}: {}; {}: {}"
"""Facility and place of both rows."""
ITEM_SHARES = dict.fromkeys(("table_name", "patient_id", "facility_id", "items"), pl.String)


@dataclass(frozen=True)
class MergedTables(Mapping[str, pl.DataFrame]):
    """Staged tables in which merged patients have one pseudonym; each is made when it is asked for."""

    tables: Mapping[str, pl.DataFrame]
    merged: Mapping[str, str]

    def __getitem__(self, name: str) -> pl.DataFrame:
        frame = _renamed(self.tables[name], self.merged)
        if name == "patient_xref":
            is_merged = self.tables[name]["patient_id"].is_in(list(self.merged))
            method = pl.when(pl.Series(is_merged)).then(pl.lit("manual")).otherwise("match_method")
            return frame.with_columns(method.alias("match_method"))
        if name == "patient" and "source_patient_id" in frame.columns:
            return frame.with_columns(one_number(frame["patient_id"], set(self.merged.values())))
        return frame

    def __iter__(self) -> Iterator[str]:
        return iter(self.tables)

    def __len__(self) -> int:
        return len(self.tables)


def one_number(patients: pl.Series, merged: set[str]) -> pl.Expr:
    """``source_patient_id`` of merged patients: the first of their numbers; all stand in patient_xref."""
    is_merged = patients.is_in(list(merged)).fill_null(False)
    first = pl.col("source_patient_id").drop_nulls().first().over("patient_id")
    return pl.when(pl.Series(is_merged)).then(first).otherwise("source_patient_id").alias("source_patient_id")


@dataclass(frozen=True)
class StagedParts:
    """Staged frames held as one value: read back from the store, or with merged patients under one pseudonym."""

    tables: Mapping[str, pl.DataFrame]
    issues: Slices
    rows: pl.DataFrame
    file_issues: pl.DataFrame
    source_columns: Mapping[tuple[str, str, str], str]
    judged: Mapping[str, int]


def with_merged_patients(staged: StagedFrames, merged: Mapping[str, str]) -> StagedFrames:
    """The staged frames of a facility after its merges.

    Args:
        staged: as staging made them.
        merged: pseudonym -> the one that takes its place.
    """
    if not merged:
        return staged

    def renamed(issues: pl.DataFrame) -> pl.DataFrame:
        if "_record_key" not in issues.columns:
            return issues
        parts = pl.col("_record_key").str.split("|").list.eval(_in_place(pl.element(), merged)).list.join("|")
        return issues.with_columns(parts.alias("_record_key"))

    issues = ChangedSlices(staged.issues, renamed)
    tables = MergedTables(staged.tables, merged)
    return StagedParts(tables, issues, staged.rows, staged.file_issues, staged.source_columns, staged.judged)


def _renamed(frame: pl.DataFrame, merged: Mapping[str, str]) -> pl.DataFrame:
    names = [name for name in frame.columns if name.endswith("_id") and frame.schema[name] == pl.String]
    unchanged = ("facility_id", "source_patient_id", "own_patient_id")
    return frame.with_columns(
        _in_place(pl.col(name), merged).alias(name) for name in names if name not in unchanged
    )


def _in_place(text: pl.Expr, merged: Mapping[str, str]) -> pl.Expr:
    """A text whose opening pseudonym, if it has been merged away, is the surviving one."""
    opening = text.str.slice(0, PSEUDONYM_LENGTH)
    return opening.replace(dict(merged)) + text.str.slice(PSEUDONYM_LENGTH)


def with_survivors(frame: pl.DataFrame, merged: Mapping[str, str]) -> pl.DataFrame:
    """Judged records of patients whom another facility knows too: only ``patient_id`` changes.

    Args:
        merged: pseudonym -> the one of the other facility that takes its place.
    """
    if "patient_id" not in frame.columns:
        return frame
    result = frame.with_columns(pl.col("patient_id").replace(dict(merged)))
    if "match_method" in frame.columns:
        is_merged = pl.Series(frame["patient_id"].is_in(list(merged)))
        method = pl.when(is_merged).then(pl.lit("manual")).otherwise("match_method")
        result = result.with_columns(method.alias("match_method"))
    return result


def one_row_each(
    name: str, frame: pl.DataFrame, persons: Mapping[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Accepted records of a table of ``PERSON_TABLES``, one row per person that several facilities know.

    Item by item the value of the facility of the surviving pseudonym, then those of the others.

    Args:
        name: bare table name.
        frame: accepted records of all facilities.
        persons: surviving pseudonym -> the facility that it comes from.

    Returns:
        The table; the contradictions: ``CONFLICT``; and which facility's record gave which items: ``ITEM_SHARES``.
    """
    columns = list(curated()[name].columns)
    is_person = pl.col("patient_id").is_in(list(persons))
    home = pl.col("patient_id").replace_strict(dict(persons), default=None, return_dtype=pl.String)
    several = frame.filter(is_person).sort(home != pl.col("facility_id"), "facility_id", "_row_id")
    number = pl.int_range(pl.len(), dtype=pl.Int64)
    ranked = several.select(
        *columns, number.alias("_row_id"), number.over("patient_id").cast(pl.Int16).alias("_source_no")
    )
    names = {source_no: f"{source_no:05d}" for source_no in ranked["_source_no"].unique().to_list()}
    joined = consolidate_table(name, ranked, Consolidation(source_names=names))
    keys = joined.records.select("_row_id", "patient_id")
    conflicts = joined.conflicts.filter(~pl.col("items").is_in(_OWN)).join(keys, on="_row_id")
    rows = _rows_of_items(several)
    conflicts = _with_row(conflicts.drop("_row_id"), rows, "_origin", "facility_id", "_row_id")
    conflicts = _with_row(conflicts, rows, "_other", "other_facility_id", "_other_row_id")
    whole = pl.concat([frame.filter(~is_person).select(columns), joined.records.select(columns)])
    named = pl.lit(name).alias("table_name")
    return (
        whole,
        with_schema(conflicts.with_columns(named), CONFLICT),
        _shares(name, joined.records, several),
    )


def _rows_of_items(several: pl.DataFrame) -> pl.DataFrame:
    """Number of a facility's record, item -> the facility and the source row that gave the item; first its first row."""
    numbered = several.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("_at"))
    merged = numbered.select("_at", "facility_id", "_item_sources").explode("_item_sources").drop_nulls()
    given = merged.unnest("_item_sources").with_columns(pl.col("items").str.split(",")).explode("items")
    first = numbered.select("_at", "facility_id", pl.lit(None, dtype=pl.String).alias("items"), "_row_id")
    return pl.concat([given.select("_at", "facility_id", "items", pl.col("row_id").alias("_row_id")), first])


def _with_row(
    conflicts: pl.DataFrame, rows: pl.DataFrame, at: str, facility: str, row_id: str
) -> pl.DataFrame:
    """With facility and source row of the record that ``at`` numbers."""
    named = rows.rename({"_at": at, "facility_id": facility, "_row_id": row_id})
    first = named.filter(pl.col("items").is_null()).drop("items")
    of_item = named.drop_nulls("items").drop(facility).unique([at, "items"], keep="first")
    joined = conflicts.join(first, on=at, how="left", maintain_order="left")
    exact = joined.join(of_item, on=[at, "items"], how="left", suffix="_exact", maintain_order="left")
    return exact.with_columns(pl.coalesce(f"{row_id}_exact", row_id).alias(row_id)).drop(f"{row_id}_exact")


def _shares(name: str, records: pl.DataFrame, several: pl.DataFrame) -> pl.DataFrame:
    """Which facility's record gave which items of a person."""
    sources = records.select("patient_id", "_item_sources").explode("_item_sources").unnest("_item_sources")
    numbered = several.select(pl.int_range(pl.len(), dtype=pl.Int64).alias("row_id"), "facility_id")
    shares = sources.drop_nulls("row_id").join(numbered, on="row_id")
    return shares.select(pl.lit(name).alias("table_name"), "patient_id", "facility_id", "items")


def conflict_findings(conflicts: pl.DataFrame, rules: Catalogue) -> pl.DataFrame:
    """Findings (status open) of what two facilities say differently of one person: S17, H03.

    They belong to the registry, not to a facility: neither is shown what the other knows. The message names both rows,
    and the finding stands at neither.

    Args:
        conflicts: ``CONFLICT`` with file, sheet and row of both: of the other after ``other_``.
    """
    on = rules.of_scope("generic", "facility", "table")
    judged = conflicts.filter(pl.col("rule_id").is_in(list(on)))
    if judged.is_empty():
        return pl.DataFrame(schema=FINDING)
    messages = [message_of(on[rule], items) for rule, items in judged.select("rule_id", "items").iter_rows()]
    rows = ("facility_id", place_in_words(""), "other_facility_id", place_in_words("other_"))
    frame = judged.select(
        "table_name",
        "patient_id",
        "items",
        "rule_id",
        pl.col("patient_id").alias("record_key"),
        pl.lit(WHOLE_REGISTRY).alias("facility_id"),
        pl.col("rule_id")
        .replace_strict({key: entry.severity for key, entry in on.items()})
        .alias("severity"),
        pl.format("{} ({})", pl.Series(messages, dtype=pl.String), pl.format(FACILITIES_DIFFER, *rows)).alias(
            "message"
        ),
        pl.lit("open").alias("status"),
    )
    frame = frame.with_columns(finding_ids(frame)).unique("finding_id", maintain_order=True)
    return with_schema(frame, FINDING)
