"""REDCap exports on their way into staging: rows under the mapping's names, and breaches tied to records.

Belongs here: the rows of an export as ``stage_files`` wants them, and which staged record a breach belongs to.
Does not belong here: what an export says (``redcap_export.py``), what breaks a rule (``redcap_rules.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from registry_pipeline.core.home import Home
from registry_pipeline.core.row_id import source_row_of
from registry_pipeline.intake.mapping.model import Source, TableMapping
from registry_pipeline.intake.mapping.table import key_columns
from registry_pipeline.intake.pseudonym import Pseudonyms
from registry_pipeline.intake.raw.store import SheetInfo, raw_rows
from registry_pipeline.intake.redcap.breaches import Judged, all_breaches
from registry_pipeline.intake.redcap.export import EVENT, INSTANCE, INSTRUMENT, LABEL, Export
from registry_pipeline.intake.redcap.records import mapped_rows, table_flag
from registry_pipeline.intake.redcap.rules import judge_export
from registry_pipeline.intake.submissions.file_use import FileUse
from registry_pipeline.intake.submissions.redcap_files import judged_in_file

_OF_ALL_TABLES = ("S04", "S05")
"""Errors keep every record out that the row feeds; the others are told once, at the first."""
_OF_VALUES = ("S05", "S22", "S23")
_OF_KEYS = ("S04", "S20")
_ASKED_ANYWAY = "S21"
TIED = dict.fromkeys(
    (
        "table_name",
        "column_name",
        "source_column",
        "rule_id",
        "reason",
        "suggestion",
        "value_text",
        "_record_key",
    ),
    pl.String,
) | dict.fromkeys(("_row_id", "_record_row_id", "_other"), pl.Int64)


@dataclass(frozen=True)
class Fed:
    """What a ``[[source.table]]`` made of the rows: ``_row_id`` (source row), ``_record_row_id``, ``_record_key``."""

    table: TableMapping
    links: pl.DataFrame
    issues: pl.DataFrame


@dataclass
class RedcapFindings:
    """Breaches of the sources of one facility.

    Attributes:
        issues: of cells behind a record: the columns of ``Staged.issues`` and ``suggestion``.
        file_issues: the others, as rows of ``FILE_ISSUE_SCHEMA``.
        judged: rule id -> how many were judged.
    """

    issues: list[pl.DataFrame] = field(default_factory=list)
    file_issues: list[dict[str, Any]] = field(default_factory=list)
    judged: dict[str, int] = field(default_factory=dict)


def export_rows(home: Home, use: FileUse, sheet: SheetInfo, source: Source) -> pl.LazyFrame:
    """The source columns of the mapping for one sheet of an export, and which tables each row feeds."""
    assert use.raw is not None and use.redcap is not None
    export = use.redcap.exports[sheet.sheet_no]
    return mapped_rows(export.rows(raw_rows(home, use.raw, sheet).lazy()), export, source)


def empty_flags(source: Source) -> dict[str, Any]:
    """The flags of :func:`export_rows` for a source that nothing was sent of."""
    return {table_flag(table): pl.Boolean for table in source.tables} if source.redcap is not None else {}


def fed_by(table: TableMapping, records: pl.DataFrame, issues: pl.DataFrame) -> Fed:
    """What a table made of which source rows.

    Args:
        records: staged rows of the table.
        issues: what typing them met.
    """
    key = [
        pl.col(name).cast(pl.String).fill_null("?")
        for name in key_columns(table.table)
        if name in records.columns
    ]
    links = records.select(
        pl.col("_row_ids").alias("_row_id"),
        pl.col("_row_id").alias("_record_row_id"),
        pl.concat_str(key or [pl.col("patient_id").fill_null("?")], separator="|").alias("_record_key"),
    )
    return Fed(table, links.explode("_row_id"), issues)


def judge_source(
    home: Home,
    source: Source,
    uses: Sequence[FileUse],
    fed: Sequence[Fed],
    names: Pseudonyms,
    result: RedcapFindings,
) -> None:
    """Judge every export in force of a source by its dictionary, into ``result``."""
    for use in uses:
        if use.source is None or use.source.name != source.name or use.redcap is None or use.raw is None:
            continue
        for sheet in use.sheets:
            if use.fate_of(sheet) is None:
                export = use.redcap.exports[sheet.sheet_no]
                rows = export.rows(raw_rows(home, use.raw, sheet).lazy()).collect()
                judged = judge_export(rows, export, source.decimal)
                _keep(use, sheet, rows, export, judged, fed, names, result)


def _keep(
    use: FileUse,
    sheet: SheetInfo,
    rows: pl.DataFrame,
    export: Export,
    judged: Judged,
    fed: Sequence[Fed],
    names: Pseudonyms,
    result: RedcapFindings,
) -> None:
    for rule_id, count in judged.counts.items():
        result.judged[rule_id] = result.judged.get(rule_id, 0) + count
    place: dict[str, Any] = {
        "submission_id": use.landed.submission_id,
        "source_file": use.landed.source_file,
        "source_name": use.source.name if use.source else None,
        "sheet": sheet.sheet,
    }
    result.file_issues += [
        {**place, "rule_id": rule, "severity": None, "column_name": column, "reason": reason}
        for rule, column, reason in judged.notes
    ]
    breaches = all_breaches(judged.breaches)
    tied, alone = _tied(breaches, fed)
    result.issues.append(tied)
    result.file_issues += [{**place, **issue} for issue in _alone(alone, rows, export, names)]


def _tied(breaches: pl.DataFrame, fed: Sequence[Fed]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Breaches with the records that the row feeds and the column shows in, and those that show in none."""
    breaches = breaches.with_row_index("_no").with_columns(
        pl.col("column").str.replace("___.*", "").alias("_group")
    )
    links = [part.links.lazy().with_columns(pl.lit(at).alias("_order")) for at, part in enumerate(fed)]
    if breaches.is_empty() or not links:
        return pl.DataFrame(schema=TIED), breaches
    items = _items(fed)
    own, group = (
        items.rename({"_column": name, "column_name": f"_by{name}"}) for name in ("column", "_group")
    )
    tied = (
        breaches.lazy()
        .join(pl.concat(links), on="_row_id", how="inner", maintain_order="left")
        .join(own.lazy(), on=["_order", "column"], how="left", maintain_order="left")
        .join(group.drop("_is_needed").lazy(), on=["_order", "_group"], how="left", maintain_order="left")
        .join(_tables(fed).lazy(), on="_order", how="left", maintain_order="left")
        .join(
            _unreadable_cells(fed).lazy(),
            on=["_order", "_row_id", "column"],
            how="left",
            maintain_order="left",
        )
        .with_columns(
            pl.when(pl.col("rule_id").is_in(_OF_KEYS))
            .then("_key")
            .otherwise(pl.coalesce("_bycolumn", "_by_group"))
            .alias("column_name")
        )
        .drop_nulls("column_name")
        .filter(
            pl.col("rule_id").is_in(_OF_ALL_TABLES) | (pl.col("_order") == pl.col("_order").min().over("_no"))
        )
        .collect()
    )
    alone = breaches.join(tied, on="_no", how="anti")
    is_said = pl.col("rule_id").is_in(_OF_VALUES) & pl.col("_is_said").fill_null(False)
    is_asked = (pl.col("rule_id") == _ASKED_ANYWAY) & pl.col("_is_needed").fill_null(False)
    unsaid = tied.filter(~(is_said | is_asked)).rename({"column": "source_column"})
    return unsaid.select(list(TIED)), alone


def _items(fed: Sequence[Fed]) -> pl.DataFrame:
    """The first curated column that a source column of each table stands behind, and whether it is required."""
    rows: dict[tuple[int, str], tuple[str, bool]] = {}
    for at, part in enumerate(fed):
        for name, column in part.table.columns.items():
            for source_column in part.table.columns_behind(column):
                key = (at, source_column.removesuffix(LABEL))
                rows.setdefault(key, (name, bool(column.target.is_required)))
    schema = {"_order": pl.Int32, "_column": pl.String, "column_name": pl.String, "_is_needed": pl.Boolean}
    return pl.DataFrame([(*key, *value) for key, value in rows.items()], schema=schema, orient="row")


def _tables(fed: Sequence[Fed]) -> pl.DataFrame:
    rows = [(at, part.table.table, key_columns(part.table.table)[0]) for at, part in enumerate(fed)]
    schema = {"_order": pl.Int32, "table_name": pl.String, "_key": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _unreadable_cells(fed: Sequence[Fed]) -> pl.DataFrame:
    """Cells of which typing has told already that they cannot be read."""
    parts = [part.issues.lazy().with_columns(pl.lit(at).alias("_order")) for at, part in enumerate(fed)]
    return (
        pl.concat(parts)
        .select("_order", "_row_id", pl.col("source_column").str.strip_suffix(LABEL).alias("column"))
        .unique()
        .with_columns(pl.lit(True).alias("_is_said"))
        .collect()
    )


def _alone(
    breaches: pl.DataFrame, rows: pl.DataFrame, export: Export, names: Pseudonyms
) -> list[dict[str, Any]]:
    """Breaches of cells that no record of ours shows, keyed by the part of the record that they stand in."""
    if breaches.is_empty():
        return []
    record = export.dictionary.record_field
    parts = [pl.col(column).fill_null("") for column in (EVENT, INSTRUMENT, INSTANCE)]
    local = rows[record] if record in rows.columns else pl.Series([None] * rows.height, dtype=pl.String)
    keys = rows.select(
        "_row_id", pl.concat_str([names.of(local).fill_null("?"), *parts], separator="|").alias("record_key")
    )
    untied = breaches.join(keys, on="_row_id", how="left", maintain_order="left").with_columns(
        source_row_of(pl.col("_row_id")).alias("source_row"), pl.col("column").alias("column_name")
    )
    columns = [
        "rule_id",
        "source_row",
        "column_name",
        "reason",
        "suggestion",
        "value_text",
        "record_key",
        "_row_id",
        "_other",
    ]
    return untied.select(columns).to_dicts()


def judged_in_all(uses: Sequence[FileUse], findings: RedcapFindings) -> dict[str, int]:
    """Rule id -> how many were judged in cells and, for S20, S25 and S26, in headers and dictionaries."""
    result = dict(findings.judged)
    for use in uses:
        for rule_id, count in ({} if use.is_superseded else judged_in_file(use)).items():
            result[rule_id] = result.get(rule_id, 0) + count
    return result
