"""A facility's landed files to staged frames: typed rows, issues, coercions and the account of all rows.

Belongs here: the order of the work. Does not belong here: storing frames (``steps/``), judging records (``validation/``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import polars as pl

from registry_pipeline.core.home import Home
from registry_pipeline.core.settings import Settings
from registry_pipeline.intake.columns.anchors import AnchorDates, anchor_dates
from registry_pipeline.intake.columns.blanks import clean
from registry_pipeline.intake.columns.lineage import COLUMN_MAP, HEADERS, column_map, sheet_headers
from registry_pipeline.intake.columns.suggestions import with_suggestions
from registry_pipeline.intake.columns.table import Staging, TableRows, feeding_rows, stage_table
from registry_pipeline.intake.identity.links import Identity, find_identity
from registry_pipeline.intake.identity.person_keys import PERSON_KEYS
from registry_pipeline.intake.identity.persons import Persons, as_issues, one_patient_each
from registry_pipeline.intake.mapping.model import Anchor, Facility, Source, TableMapping
from registry_pipeline.intake.pseudonym import Pseudonyms
from registry_pipeline.intake.redcap.export import LABEL
from registry_pipeline.intake.submissions.file_use import FileUse
from registry_pipeline.intake.submissions.headers import issues_of_file
from registry_pipeline.intake.submissions.redcap_rows import (
    RedcapFindings,
    fed_by,
    judge_source,
    judged_in_all,
)
from registry_pipeline.intake.submissions.renamed_columns import Drift
from registry_pipeline.intake.submissions.rows_in_force import all_rows, find_files, place_rows, rows_in_force
from registry_pipeline.intake.submissions.unread_cells import unread_issues
from registry_pipeline.intake.submissions.unrouted_rows import unrouted_issues
from schemas import tables_of
from schemas.table import columns_of

FILE_ISSUE_SCHEMA = {
    "rule_id": pl.String,
    "severity": pl.String,
    "submission_id": pl.String,
    "source_file": pl.String,
    "source_name": pl.String,
    "sheet": pl.String,
    "source_row": pl.Int64,
    "column_name": pl.String,
    "reason": pl.String,
    "suggestion": pl.String,
    "value_text": pl.String,
    "record_key": pl.String,
    "_row_id": pl.Int64,
    "_other": pl.Int64,
}
ISSUE_COLUMNS = (
    "table_name",
    "_row_id",
    "_record_row_id",
    "_record_key",
    "column_name",
    "source_column",
    "rule_id",
    "reason",
    "value_text",
)
_ALL_TEXT = dict.fromkeys((*ISSUE_COLUMNS, "suggestion"), pl.String)
_NO_ISSUES = pl.DataFrame(schema={**_ALL_TEXT, "_row_id": pl.Int64, "_record_row_id": pl.Int64})


@dataclass(frozen=True)
class Staged:
    """Everything that staging knows of a facility.

    Attributes:
        tables: curated table -> one row per source row that feeds it (or per group of rows): the curated
            columns that the mapping fills, ``_row_id`` (the first row), ``_row_ids`` (all of them),
            ``_source_no`` (position of the source in the TOML, from 0), ``_mapping_no`` (of the ``[[source.table]]``),
            ``_submission_no``. Wide rows that feed several records of one table repeat their ``_row_id``.
        issues: values that could not be read and are null, and values that break a rule of their REDCap
            project: ``ISSUE_COLUMNS`` and ``suggestion``. ``_row_id`` is the source row of the value, ``_record_row_id`` and ``_record_key`` (key columns joined by ``|``, ``?`` for null)
            tell the record, which a wide row needs. ``reason`` is a code.
        coercions: values that parsing changed: the columns of ``quality.coercion`` and ``_row_id``.
        rows: every row of every file that was read: ``_row_id, submission_id, source_file, sheet,
            source_row, source_name, fate`` (null, blank, rejected or superseded); its texts are categories.
        file_issues: ``FILE_ISSUE_SCHEMA``; ``reason`` is a sentence without values. ``record_key`` and
            ``_row_id`` are given where a cell that no record of ours shows is meant, ``_other`` is the second row.
        files: ``meta.submission``, one row per landed file.
        sheets: ``submission_id, source_file, sheet, n_read`` of every file and sheet, also those without rows.
        source_columns: (source, table, column) -> the column of the file that it comes from.
        judged: rule id -> how many values the rules of REDCap projects have judged.
        person_keys: ``patient_id, name_key, sound_key, national_id_key``: keyed hashes, for the linkage only.
        column_map, headers: which columns of the files fill which curated column (``COLUMN_MAP``, ``HEADERS``).
    """

    tables: Mapping[str, pl.DataFrame]
    issues: pl.DataFrame
    coercions: pl.DataFrame
    rows: pl.DataFrame
    file_issues: pl.DataFrame
    files: pl.DataFrame
    sheets: pl.DataFrame
    source_columns: Mapping[tuple[str, str, str], str]
    judged: Mapping[str, int] = field(default_factory=dict)
    person_keys: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=PERSON_KEYS))
    column_map: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=COLUMN_MAP))
    headers: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=HEADERS))


@dataclass
class _Collected:
    """Results of the single ``[[source.table]]``s until they are put together."""

    persons: Persons
    tables: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    issues: list[pl.DataFrame] = field(default_factory=list)
    changes: list[pl.DataFrame] = field(default_factory=list)
    file_issues: list[dict[str, Any]] = field(default_factory=list)
    redcap: RedcapFindings = field(default_factory=RedcapFindings)

    def add(self, source: Source, mapping: TableMapping, staged: TableRows) -> None:
        """Keep what one ``[[source.table]]`` gave."""
        name = pl.lit(mapping.table).alias("table_name")
        self.tables.setdefault(mapping.table, []).append(staged.rows)
        plain_column = pl.col("source_column").str.strip_suffix(LABEL)
        if staged.issues.height or not self.issues:  # of nothing but one, which tells the columns
            suggested = with_suggestions(staged.issues, mapping.columns, source)
            self.issues.append(
                suggested.with_columns(name, plain_column).select(*ISSUE_COLUMNS, "suggestion")
            )
        if staged.changes.height or not self.changes:
            self.changes.append(staged.changes.with_columns(name))
        self.persons.add_patients(source, staged.patients)


def stage_facility(home: Home, facility: Facility, settings: Settings) -> Staged:
    """Stage all that a facility has sent. Reads the landing and the raw store, writes only the raw store.

    Raises:
        ConfigurationError: the ledger or the pseudonym key cannot be read.
    """
    uses = find_files(home, facility, settings)
    identity = find_identity(facility, uses, partial(_clean_rows, home))
    staging = Staging(facility, Pseudonyms(facility.facility_id, home.key(), identity.stands_for))
    staging = replace(staging, anchors=_find_anchors(home, uses, staging))
    collected = _Collected(Persons(staging.pseudonyms, home.key()))
    for source in facility.sources:
        _stage_source(home, source, uses, staging, collected)
    _unite(collected, identity)
    return _staged(home, facility, uses, collected)


def _unite(collected: _Collected, identity: Identity) -> None:
    """Records of linked numbers as those of one patient; numbers that cannot be one are issues."""
    persons = collected.persons
    collected.issues += as_issues(persons.issues, "patient_xref", ISSUE_COLUMNS)
    if identity.stands_for and "patient" in collected.tables:
        patients = pl.concat(collected.tables["patient"], how="diagonal")
        united, issues = one_patient_each(patients, persons.linked(identity))
        collected.tables["patient"] = [united]
        collected.issues += as_issues([issues], "patient", ISSUE_COLUMNS)


def _stage_source(
    home: Home, source: Source, uses: Sequence[FileUse], staging: Staging, collected: _Collected
) -> None:
    """One source at a time: its texts are let go before the next one is read."""
    rows = _clean_rows(home, source, uses)
    fed = []
    for table in source.tables:
        result = stage_table(rows, table, source, staging)
        collected.add(source, table, result)
        if source.redcap is not None:
            fed.append(fed_by(table, result.rows, result.issues))
    if source.redcap is not None:
        judge_source(home, source, uses, fed, staging.pseudonyms, collected.redcap)
    taken = [feeding_rows(rows, table)["_row_id"] for table in source.tables]
    collected.file_issues += unrouted_issues(rows, source, uses, taken)
    collected.file_issues += unread_issues(rows, source, uses, taken)
    collected.persons.add_rows(source, rows)


def _clean_rows(home: Home, source: Source, uses: Sequence[FileUse]) -> pl.DataFrame:
    return clean(rows_in_force(home, source, uses), source.source_columns(), source.sentinels)


def _find_anchors(home: Home, uses: Sequence[FileUse], staging: Staging) -> dict[str, AnchorDates]:
    """Anchors come first: they are staged from just their own columns."""
    return {
        name: anchor_dates(anchor, staging.facility, _anchor_rows(home, uses, staging, anchor))
        for name, anchor in staging.facility.anchors.items()
    }


def _anchor_rows(home: Home, uses: Sequence[FileUse], staging: Staging, anchor: Anchor) -> list[pl.DataFrame]:
    anchored = []
    for source in staging.facility.sources:
        tables = [
            table for table in source.tables if table.table == anchor.table and anchor.column in table.columns
        ]
        own = [table for table in tables if table.columns[anchor.column].anchor is None]
        if not own:
            continue
        narrow = [
            replace(
                table,
                group_by=(),
                columns={name: table.columns[name] for name in ("patient_id", anchor.column)},
            )
            for table in own
        ]
        rows = _clean_rows(home, replace(source, tables=tuple(narrow)), uses)
        anchored += [stage_table(rows, table, source, staging).rows for table in narrow]
    return anchored


def _staged(home: Home, facility: Facility, uses: Sequence[FileUse], collected: _Collected) -> Staged:
    tables = {name: pl.concat(frames, how="diagonal") for name, frames in collected.tables.items()}
    tables["patient_xref"] = collected.persons.patient_xref(facility)
    drift = Drift(home, uses)
    issues = [row for use in uses for row in issues_of_file(use, drift)]
    issues += collected.file_issues + collected.redcap.file_issues
    return Staged(
        tables=tables,
        issues=pl.concat([_NO_ISSUES, *collected.issues, *collected.redcap.issues], how="diagonal"),
        coercions=_coercions(facility, uses, collected.changes),
        rows=all_rows(home, uses),
        file_issues=pl.DataFrame(issues, schema=FILE_ISSUE_SCHEMA),
        files=_files(uses),
        sheets=_sheets(uses),
        source_columns=_source_columns(facility),
        judged=judged_in_all(uses, collected.redcap),
        person_keys=collected.persons.person_keys(),
        column_map=column_map(facility),
        headers=sheet_headers(uses),
    )


def _coercions(facility: Facility, uses: Sequence[FileUse], changes: list[pl.DataFrame]) -> pl.DataFrame:
    """Every change with the place that it stood in; takes ``changes`` apart, for there may be millions."""
    columns = columns_of(tables_of("quality")["quality.coercion"])
    schema = {column.name: column.polars_type for column in columns}
    placed: list[pl.DataFrame] = []
    while changes:
        part = place_rows(changes.pop(), uses).with_columns(
            pl.lit(facility.facility_id).alias("facility_id"),
            (pl.col("table_name") + "." + pl.col("column_name")).alias("column_name"),
        )
        placed.append(part.select(*schema, "_row_id"))
    nothing = pl.DataFrame(schema={**schema, "_row_id": pl.Int64})  # of a mapping that feeds no table yet
    return pl.concat(placed[::-1] or [nothing], rechunk=False)


def _files(uses: Sequence[FileUse]) -> pl.DataFrame:
    model = columns_of(tables_of("meta")["meta.submission"])
    rows = [
        {
            **vars(use.landed),
            "source_name": use.source.name if use.source else None,
            "encoding": use.raw.encoding if use.raw else None,
            "reader": use.raw.reader if use.raw else None,
            "status": use.status,
        }
        for use in uses
    ]
    schema = {
        column.name: pl.String if column.kind == "timestamp" else column.polars_type for column in model
    }
    files = pl.DataFrame([{name: row[name] for name in schema} for row in rows], schema=schema)
    received = (
        pl.col("received_at").str.to_datetime(time_unit="us", time_zone="UTC").dt.replace_time_zone(None)
    )
    return files.with_columns(received)


def _sheets(uses: Sequence[FileUse]) -> pl.DataFrame:
    rows = []
    for use in uses:
        place = (use.landed.submission_id, use.landed.source_file)
        rows += [
            (*place, sheet.sheet, sheet.n_rows + len(sheet.blank_rows) + len(sheet.rejects))
            for sheet in use.sheets
        ]
        rows += [] if use.sheets else [(*place, "", 0)]
    names = {"submission_id": pl.String, "source_file": pl.String, "sheet": pl.String, "n_read": pl.Int64}
    return pl.DataFrame(rows, schema=names, orient="row")


def _source_columns(facility: Facility) -> dict[tuple[str, str, str], str]:
    behind_column: dict[tuple[str, str, str], str] = {}
    for source in facility.sources:
        for table in source.tables:
            for name, mapping in table.columns.items():
                behind = next(table.columns_behind(mapping), None)
                if behind is not None:
                    behind_column.setdefault((source.name, table.table, name), behind.removesuffix(LABEL))
    return behind_column
