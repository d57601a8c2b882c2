"""A facility's landed files to staged frames: typed rows, issues, coercions and the account of all rows.

Belongs here: the order of the work. Does not belong here: storing frames (``steps/``), judging records (``validation/``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import polars as pl

from registry_pipeline.core.frames import constant
from registry_pipeline.core.home import Home
from registry_pipeline.core.settings import Settings
from registry_pipeline.core.side_by_side import parted, stacked
from registry_pipeline.intake.columns.anchors import AnchorDates, anchor_dates
from registry_pipeline.intake.columns.blanks import clean
from registry_pipeline.intake.columns.lineage import (
    COLUMN_MAP,
    HEADERS,
    column_map,
    first_columns,
    sheet_headers,
)
from registry_pipeline.intake.columns.suggestions import with_suggestions
from registry_pipeline.intake.columns.table import Staging, TableRows, feeding_rows, stage_table
from registry_pipeline.intake.identity.links import Identity, find_identity
from registry_pipeline.intake.identity.person_keys import PERSON_KEYS
from registry_pipeline.intake.identity.persons import (
    Persons,
    as_issues,
    numbers_of_patients,
    one_patient_each,
)
from registry_pipeline.intake.mapping.model import Anchor, Facility, Source, TableMapping
from registry_pipeline.intake.pseudonym import Pseudonyms, StackedPseudonyms
from registry_pipeline.intake.redcap.export import LABEL
from registry_pipeline.intake.submissions.file_use import FileUse, last_day
from registry_pipeline.intake.submissions.headers import issues_of_file
from registry_pipeline.intake.submissions.received_files import file_rows, sheet_counts
from registry_pipeline.intake.submissions.redcap_rows import (
    Fed,
    RedcapFindings,
    fed_by,
    judge_source,
    judged_in_all,
)
from registry_pipeline.intake.submissions.renamed_columns import Drift
from registry_pipeline.intake.submissions.rows_in_force import (
    all_rows,
    find_files,
    placed_changes,
    rows_in_force,
)
from registry_pipeline.intake.submissions.unread_cells import unread_issues
from registry_pipeline.intake.submissions.unrouted_rows import unrouted_issues

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
    uses: Sequence[FileUse]
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
            issues = with_suggestions(staged.issues, mapping.columns, source, last_day(self.uses))
            self.issues.append(issues.with_columns(name, plain_column).select(*ISSUE_COLUMNS, "suggestion"))
        if staged.changes.height or not self.changes:
            table_name = constant("table_name", mapping.table, pl.String, staged.changes.height)
            self.changes.append(staged.changes.hstack([table_name]))
        self.persons.add_patients(source, staged.patients)


@dataclass(frozen=True)
class _Sender:
    """A facility while its sources are staged: its files, who its patients are, what was collected."""

    facility: Facility
    uses: Sequence[FileUse]
    identity: Identity
    collected: _Collected

    @classmethod
    def of(cls, home: Home, facility: Facility, settings: Settings) -> _Sender:
        """With its files read."""
        uses = find_files(home, facility, settings)
        identity = find_identity(facility, uses, partial(_clean_rows, home))
        pseudonyms = Pseudonyms(facility.facility_id, home.key(), identity.stands_for)
        return cls(facility, uses, identity, _Collected(Persons(pseudonyms, home.key()), uses))


def stage_facility(home: Home, facility: Facility, settings: Settings) -> Staged:
    """Stage all that a facility has sent. Reads the landing and the raw store, writes only the raw store.

    Raises:
        ConfigurationError: the ledger or the pseudonym key cannot be read.
    """
    return stage_alike(home, [facility], settings)[0]


def can_be_stacked(facility: Facility) -> bool:
    """Whether its rows may be typed under those of others: no row's values hang on other rows of the facility."""
    grouped = any(table.group_by for source in facility.sources for table in source.tables)
    return not (facility.anchors or grouped or any(source.redcap for source in facility.sources))


def stage_alike(home: Home, facilities: Sequence[Facility], settings: Settings) -> list[Staged]:
    """Stage facilities that declare the same sources and calendar, their rows stacked; raises as :func:`stage_facility`.

    Args:
        facilities: several only where each :func:`can_be_stacked`.
    """
    senders = [_Sender.of(home, facility, settings) for facility in facilities]
    pseudonyms = StackedPseudonyms([sender.collected.persons.pseudonyms for sender in senders])
    staging = Staging(facilities, pseudonyms)
    if facilities[0].anchors:
        staging = replace(staging, anchors=_find_anchors(home, senders[0].uses, staging))
    for source in facilities[0].sources:
        _stage_source(home, source, senders, staging)
    for sender in senders:
        _unite(sender.collected, sender.identity)
    return [_staged(home, sender.facility, sender.uses, sender.collected) for sender in senders]


def _unite(collected: _Collected, identity: Identity) -> None:
    """Records of linked numbers as those of one patient; numbers that cannot be one are issues."""
    persons = collected.persons
    collected.issues += as_issues(persons.issues, "patient_xref", ISSUE_COLUMNS)
    if identity.stands_for and "patient" in collected.tables:
        patients = pl.concat(collected.tables["patient"], how="diagonal")
        united, issues = one_patient_each(patients, persons.linked(identity))
        collected.tables["patient"] = [united]
        collected.issues += as_issues([issues], "patient", ISSUE_COLUMNS)


def _stage_source(home: Home, source: Source, senders: Sequence[_Sender], staging: Staging) -> None:
    """One source at a time: its texts are let go before the next one is read."""
    rows = _clean_rows(home, source, *(sender.uses for sender in senders))
    fed = []
    for table in source.tables:
        results = stage_table(rows, table, source, staging)
        results.patients = numbers_of_patients(results.patients, source)
        for sender, result in zip(senders, results.parted(len(senders)), strict=True):
            sender.collected.add(source, table, result)
            if source.redcap is not None:
                fed.append(fed_by(table, result.rows, result.issues))
    if source.redcap or source.person or any(table.where for table in source.tables):
        for sender, own in zip(senders, parted(rows, len(senders)), strict=True):
            _judge_rows(home, source, own, sender, fed)


def _judge_rows(home: Home, source: Source, rows: pl.DataFrame, sender: _Sender, fed: Sequence[Fed]) -> None:
    """What the rows of a source say beside the records that they make."""
    uses, collected = sender.uses, sender.collected
    if source.redcap is not None:
        judge_source(home, source, uses, fed, collected.persons.pseudonyms, collected.redcap)
    taken = [feeding_rows(rows, table)["_row_id"] for table in source.tables]
    collected.file_issues += unrouted_issues(rows, source, uses, taken)
    collected.file_issues += unread_issues(rows, source, uses, taken)
    collected.persons.add_rows(source, rows)


def _clean_rows(home: Home, source: Source, *uses: Sequence[FileUse]) -> pl.DataFrame:
    rows = stacked(rows_in_force(home, source, *uses))
    return clean(rows, source.source_columns(), source.sentinels)


def _find_anchors(home: Home, uses: Sequence[FileUse], staging: Staging) -> dict[str, AnchorDates]:
    """Anchors come first: they are staged from just their own columns."""
    return {
        name: anchor_dates(anchor, staging.facilities[0], _anchor_rows(home, uses, staging, anchor))
        for name, anchor in staging.facilities[0].anchors.items()
    }


def _anchor_rows(home: Home, uses: Sequence[FileUse], staging: Staging, anchor: Anchor) -> list[pl.DataFrame]:
    anchored = []
    for source in staging.facilities[0].sources:
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
        coercions=placed_changes(facility.facility_id, uses, collected.changes),
        rows=all_rows(uses),
        file_issues=pl.DataFrame(issues, schema=FILE_ISSUE_SCHEMA),
        files=file_rows(uses),
        sheets=sheet_counts(uses),
        source_columns=first_columns(facility),
        judged=judged_in_all(uses, collected.redcap),
        person_keys=collected.persons.person_keys(),
        column_map=column_map(facility),
        headers=sheet_headers(uses),
    )
