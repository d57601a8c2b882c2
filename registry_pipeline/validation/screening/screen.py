"""Screening: the staged rows of one facility become judged records.

Belongs here: the order of the steps and what they hand over.
Does not belong here: any single step (``consolidate``, ``within_table``, ``cross_table``, ``quarantine``,
``findings``, ``accounting``), reading or writing files.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from registry_pipeline.core.frames import Slices, constant
from registry_pipeline.validation.decisions.waivers import Waivers
from registry_pipeline.validation.records import curated
from registry_pipeline.validation.rules.catalogue import Catalogue
from registry_pipeline.validation.screening.consolidate import Consolidated, Consolidation, consolidate_table
from registry_pipeline.validation.screening.cross_table import FacilityRecords, judge_between_tables
from registry_pipeline.validation.screening.doubts import Doubts, doubts_of
from registry_pipeline.validation.screening.file_findings import file_findings
from registry_pipeline.validation.screening.findings import (
    FindingContext,
    RawValue,
    build_findings,
)
from registry_pipeline.validation.screening.identifiers import number_identifiers
from registry_pipeline.validation.screening.impossible_values import take_out_impossible
from registry_pipeline.validation.screening.listing import list_violations
from registry_pipeline.validation.screening.places import source_locations
from registry_pipeline.validation.screening.quarantine import judge_references, quarantine_rows, verdicts
from registry_pipeline.validation.screening.record_keys import RecordKeys, with_record_keys
from registry_pipeline.validation.screening.row_account import row_account, row_fates
from registry_pipeline.validation.screening.rule_results import rule_results
from registry_pipeline.validation.screening.staged_issues import (
    conflict_violations,
    issue_violations,
    without_echoes,
)
from registry_pipeline.validation.screening.systemic import (
    attached,
    cause_findings,
    systemic_causes,
    with_causes,
)
from registry_pipeline.validation.screening.within_table import Outcome, judge_table


class StagedFrames(Protocol):
    """What staging hands over (``intake`` describes the columns)."""

    @property
    def tables(self) -> Mapping[str, pl.DataFrame]: ...  # noqa: D102
    @property
    def issues(self) -> Slices: ...  # noqa: D102
    @property
    def rows(self) -> pl.DataFrame: ...  # noqa: D102
    @property
    def file_issues(self) -> pl.DataFrame: ...  # noqa: D102
    @property
    def source_columns(self) -> Mapping[tuple[str, str, str], str]: ...  # noqa: D102
    @property
    def judged(self) -> Mapping[str, int]: ...  # noqa: D102


@dataclass(frozen=True)
class ScreenOptions:
    """What a facility's mapping and the settings say of screening.

    Attributes:
        precedence: ``table`` or ``table.column`` -> names of sources, the most trusted first.
        tolerance: ``table.column`` -> largest difference between sources that is no disagreement.
        systemic_share: share of a file's rows from which one cause is suspected.
        raw_value: looks up cells as received: ``_row_id, source_column`` -> also ``value_text``.
        memory_limit: of the private DuckDB. spill_folder: where it writes what is beyond that; nowhere by default.
        max_findings: most findings that are listed row by row.
        needed: ids of findings that are listed in any case: decisions are applied by them.
        waivers: waived errors, which no longer keep their records out.
        record_keys: makes the keys of records; None: records keep the identifiers as sent (examples of rules).
    """

    precedence: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tolerance: Mapping[str, float] = field(default_factory=dict)
    systemic_share: float = 0.5
    raw_value: RawValue | None = None
    memory_limit: str = "1500MB"
    spill_folder: Path | None = None
    max_findings: int = 100_000
    needed: Set[str] = frozenset()
    waivers: Waivers = field(default_factory=Waivers)
    record_keys: RecordKeys | None = None


@dataclass(frozen=True)
class RecordsOfOutcome(Mapping[str, pl.DataFrame]):
    """The accepted or the quarantined records per table, each made when it is asked for and not kept.

    Attributes:
        records: per table every record, in the shape of the screening.
        is_chosen: per table one boolean per record.
    """

    records: Mapping[str, pl.DataFrame]
    is_chosen: Mapping[str, pl.Series]

    def __getitem__(self, name: str) -> pl.DataFrame:
        records, is_chosen = self.records[name], self.is_chosen[name]
        whole = records[[column for column in records.columns if column != "_row_id"]]
        whole.columns = [column.replace("_origin", "_row_id") for column in whole.columns]
        if is_chosen.all():
            return whole
        return whole.filter(is_chosen) if is_chosen.any() else whole.clear()

    def __iter__(self) -> Iterator[str]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


@dataclass(frozen=True)
class Screened:
    """The judged records of one facility.

    Attributes:
        accepted, quarantined: per table: the model's columns, ``_row_id`` (first source row), ``_row_ids``;
            copied out of all records at every look, for both together are large.
        findings: rows of ``quality.finding`` and ``_row_id``.
        unlisted: findings that are counted in that of their cause: columns of ``UNLISTED``.
        rule_results: rows of ``quality.rule_result``.
        row_account: rows of ``quality.row_account``.
        quarantine: rows of ``quality.quarantine``.
        doubts: findings without advice, for which slips can be tried.
        failures: rule id -> why the rule failed to run. Private: it may quote values, never log it.
    """

    accepted: Mapping[str, pl.DataFrame]
    quarantined: Mapping[str, pl.DataFrame]
    findings: pl.DataFrame
    unlisted: pl.DataFrame
    rule_results: pl.DataFrame
    row_account: pl.DataFrame
    quarantine: pl.DataFrame
    doubts: Doubts
    failures: dict[str, str]


def screen_facility(
    facility_id: str,
    staged: StagedFrames,
    rules: Catalogue,
    parameters: Mapping[str, Any],
    options: ScreenOptions | None = None,
) -> Screened:
    """Judge everything that a facility has sent.

    Args:
        facility_id: the facility.
        staged: typed rows, what parsing met, every row ever read.
        rules: the catalogue with the facility's overrides.
        parameters: of :func:`registry_pipeline.validation.rules.catalogue.parameters_of`.
        options: precedence, tolerance, look-up of raw cells.

    Raises:
        TypeError: a staged column has another type than its model.
        RuntimeError: the row accounting does not balance (a defect of this program).
    """
    screening = Screening(facility_id, staged, rules, parameters, options or ScreenOptions())
    judge_together([screening])
    return screening.finish()


def judge_together(screenings: Sequence["Screening"]) -> None:
    """Run the rules between tables over facilities that are judged by the same rules with the same parameters."""
    first = screenings[0]
    parts = [FacilityRecords(own.records, own.identifiers, own.outcome) for own in screenings]
    options = first.options
    judge_between_tables(parts, first.rules, first.parameters, options.memory_limit, options.spill_folder)


class Screening:
    """The screening of one facility: up to the rules between tables (:func:`judge_together`), and behind them.

    Attributes:
        staged, rules, parameters, options: as of :func:`screen_facility`.
    """

    def __init__(
        self,
        facility_id: str,
        staged: StagedFrames,
        rules: Catalogue,
        parameters: Mapping[str, Any],
        options: ScreenOptions,
    ) -> None:
        """Make the records and judge each by itself; raises what :func:`screen_facility` does."""
        self.facility_id, self.staged, self.rules = facility_id, staged, rules
        self.parameters, self.options, self.outcome = parameters, options, Outcome()
        result = _consolidate(staged, options)
        self.as_sent = {name: table.records for name, table in result.items()}
        self.identifiers = number_identifiers(self.as_sent)
        issue_violations(
            staged.issues, self.as_sent, rules, self.outcome
        )  # they name records as staging does
        if options.record_keys is not None:
            self.as_sent = with_record_keys(self.as_sent, self.identifiers, options.record_keys)
        self.records = take_out_impossible(self.as_sent, rules, self.outcome)
        conflict_violations(result, rules, self.outcome)
        self.origins, self.dropped = _origins(result), [table.fates for table in result.values()]
        result.clear()  # the identifiers as sent, before the rules between tables take their room
        for rule_id, count in staged.judged.items():
            self.outcome.count(rule_id, count)
        for name in curated():
            judge_table(name, self.records[name], rules, parameters, self.outcome)
        judge_references(self.records, self.identifiers, rules, self.outcome)

    def finish(self) -> Screened:
        """Findings, verdicts and the account of all rows; to be asked for once."""
        staged, rules, how, facility_id = self.staged, self.rules, self.options, self.facility_id
        context = FindingContext(
            facility_id,
            self.as_sent,
            self.origins,
            staged.rows,
            staged.source_columns,
            how.raw_value,
            self.identifiers,
        )
        batches = map(without_echoes, self.outcome.violations.take())
        listing = list_violations(batches, context, how.max_findings, how.needed)
        causes = systemic_causes(listing, staged.rows, rules, facility_id, how.systemic_share)
        findings = attached(build_findings(listing.listed, context, rules), causes)
        doubts = doubts_of(listing.listed, self.as_sent, rules, facility_id)
        files = file_findings(
            staged.file_issues, staged.rows, rules, facility_id, how.max_findings, how.needed
        )
        unlisted = pl.concat([with_causes(listing.unlisted, causes), files.unlisted])
        errors = how.waivers.lift(listing.errors, findings, self.records)
        del listing  # millions of numbers, which the records to quarantine need the room of
        verdict = verdicts(self.records, self.identifiers, errors)
        quarantine = quarantine_rows(context, self.records, verdict)
        is_out = {
            name: frame["_row_id"].is_in(verdict[name]["_row_id"].implode())
            if verdict[name].height
            else constant(name, False, pl.Boolean, frame.height)
            for name, frame in self.records.items()
        }
        del verdict, context
        fates = row_fates(staged.rows, self.records, is_out, self.dropped)
        return Screened(
            RecordsOfOutcome(self.records, {name: ~mask for name, mask in is_out.items()}),
            RecordsOfOutcome(self.records, is_out),
            pl.concat([findings, files.listed, files.causes, cause_findings(causes)]),
            unlisted,
            rule_results(facility_id, rules, self.outcome, [findings, files.listed, unlisted], staged.rows),
            row_account(facility_id, staged.rows, fates),
            quarantine,
            doubts,
            self.outcome.failures,
        )


def _consolidate(staged: StagedFrames, how: ScreenOptions) -> dict[str, Consolidated]:
    """Table after table: staged frames may be read from files as they are asked for, and be let go again."""
    result: dict[str, Consolidated] = {}
    for name in curated():
        frame = staged.tables.get(name)
        is_ranked = any(
            item.partition(".")[0] == name for item in how.precedence
        )  # else their numbers rank them
        names = _source_names(frame, staged.rows) if is_ranked else {}
        sources = Consolidation(how.precedence, how.tolerance, names)
        result[name] = consolidate_table(name, frame, sources)
    return result


def _source_names(frame: pl.DataFrame | None, rows: pl.DataFrame) -> dict[int, str]:
    """Number of a source in staged rows of a table -> its name, read off one row of each source."""
    if frame is None or "_source_no" not in frame.columns:
        return {}
    one_each = frame.group_by("_source_no").agg(pl.col("_row_id").first())
    named = source_locations(rows, one_each["_row_id"], ["source_name"]).drop_nulls("source_name")
    return dict(one_each.join(named, on="_row_id").select("_source_no", "source_name").iter_rows())


def _origins(consolidated: Mapping[str, Consolidated]) -> pl.DataFrame:
    return pl.concat(
        table.origins.with_columns(pl.lit(name).alias("table_name")) for name, table in consolidated.items()
    )
