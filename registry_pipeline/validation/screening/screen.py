"""Screening: the staged rows of a facility, or of several small ones, become judged records.

Belongs here: the order of the steps and what they hand over.
Does not belong here: any single step (``consolidate``, ``within_table``, ``cross_table``, ``quarantine``,
``findings``, ``accounting``), reading or writing files.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from registry_pipeline.core.frames import constant
from registry_pipeline.core.side_by_side import parted, stacked
from registry_pipeline.validation.decisions.waivers import Waivers
from registry_pipeline.validation.records import curated
from registry_pipeline.validation.rules.catalogue import Catalogue
from registry_pipeline.validation.screening.consolidate import Consolidated, Consolidation, consolidate_table
from registry_pipeline.validation.screening.cross_table import FacilityRecords, judge_between_tables
from registry_pipeline.validation.screening.doubts import doubts_of
from registry_pipeline.validation.screening.facilities import (
    Facilities,
    StagedFrames,
    StagedTogether,
)
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
from registry_pipeline.validation.screening.row_account import row_fates
from registry_pipeline.validation.screening.screened import Screened, ScreenedTogether
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
    screening = Screening([facility_id], [staged], rules, parameters, [options or ScreenOptions()])
    return screening.finish()[0]


class Screening:
    """The screening of a facility, or of small ones under one another, which gives what each alone would.

    Attributes:
        outcome: what judging gave.
    """

    def __init__(
        self,
        facility_ids: Sequence[str],
        staged: Sequence[StagedFrames],
        rules: Catalogue,
        parameters: Mapping[str, Any],
        options: Sequence[ScreenOptions],
    ) -> None:
        """Make the records and judge them; raises what :func:`screen_facility` does.

        Args:
            facility_ids: as ``Facilities`` asks for them.
            staged, options: of each facility. Of the options of several only ``raw_value``, ``needed`` and ``waivers`` differ.
        """
        self.facilities = Facilities(tuple(facility_ids))
        self.staged = StagedTogether.of(self.facilities, staged)
        self.rules, self.options = rules, options
        self.outcome = Outcome(len(facility_ids))
        result = _consolidate(self.staged, options[0])
        self.as_sent = {name: table.records for name, table in result.items()}
        self.places = {name: self.facilities.bounds(frame) for name, frame in self.as_sent.items()}
        self.identifiers = number_identifiers(self.as_sent)
        issue_violations(
            self.staged.issues, self.as_sent, rules, self.outcome
        )  # they name records as staging does
        if options[0].record_keys is not None:
            self.as_sent = with_record_keys(
                self.as_sent, self.identifiers, options[0].record_keys, self.facilities.prefix
            )
        self.records = take_out_impossible(self.as_sent, rules, self.outcome, self.places)
        conflict_violations(result, rules, self.outcome, self.places, self.options[0].precedence)
        self.origins, self.dropped = _origins(result), [table.fates for table in result.values()]
        result.clear()  # the identifiers as sent, before the rules between tables take their room
        self._judge(parameters)

    def _judge(self, parameters: Mapping[str, Any]) -> None:
        """Run the rules within and between tables."""
        rules, outcome, how = self.rules, self.outcome, self.options[0]
        for rule_id in dict.fromkeys(rule_id for own in self.staged.judged for rule_id in own):
            outcome.count(rule_id, [own.get(rule_id) for own in self.staged.judged])
        for name in curated():
            judge_table(name, self.records[name], rules, parameters, outcome, self.places[name])
        judge_references(self.records, self.identifiers, rules, outcome, self.places)
        if not self.is_as_alone:  # each will be judged by itself
            return
        records = FacilityRecords(self.records, self.identifiers, outcome, self.places)
        judge_between_tables(records, rules, parameters, how.memory_limit, how.spill_folder)

    @property
    def is_as_alone(self) -> bool:
        """Whether each facility would get what it gets here: no rule failed, and all findings are listed row by row."""
        n_findings = len(self.outcome.violations) + self.staged.file_issues.height
        is_listed = n_findings <= self.options[0].max_findings
        return len(self.facilities) == 1 or (is_listed and not self.outcome.failures)

    def finish(self) -> list[Screened]:
        """Findings, verdicts and the account of all rows of each facility; to be asked for once."""
        staged, rules, how = self.staged, self.rules, self.options[0]
        needed: set[str] = set().union(*(own.needed for own in self.options))
        context = self._finding_context()
        batches = map(without_echoes, self.outcome.violations.take())
        listing = list_violations(batches, context, how.max_findings, needed)
        causes = systemic_causes(listing, staged.rows, rules, self.facilities, how.systemic_share)
        findings = attached(build_findings(listing.listed, context, rules), causes)
        doubts = doubts_of(listing.listed, self.as_sent, rules, self.facilities, self.places)
        files = file_findings(staged.file_issues, staged.rows, rules, how.max_findings, needed)
        unlisted = pl.concat([with_causes(listing.unlisted, causes), files.unlisted])
        errors = self._waivers().lift(listing.errors, findings, self.records)
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
        whole = ScreenedTogether(
            self.facilities,
            self.records,
            self.places,
            is_out,
            staged.rows,
            row_fates(staged.rows, self.records, is_out, self.dropped),
            pl.concat([findings, files.listed, files.causes, cause_findings(causes)]),
            unlisted,
            pl.concat(frame.select("rule_id", "facility_id") for frame in (findings, files.listed)),
            quarantine,
            doubts,
        )
        return whole.by_facility(rules, self.outcome)

    def _finding_context(self) -> FindingContext:
        return FindingContext(
            self.facilities,
            self.as_sent,
            self.origins,
            self.staged.rows,
            self.staged.source_columns,
            None if self.options[0].raw_value is None else self._raw_values,
            self.identifiers,
        )

    def _raw_values(self, cells: pl.DataFrame) -> pl.DataFrame:
        """Cells as received, each looked up where its facility's rows are."""
        parts = zip(self.options, parted(cells, len(self.facilities)), strict=True)
        return stacked([own.raw_value(part) if own.raw_value else part for own, part in parts])

    def _waivers(self) -> Waivers:
        digests = {finding: digest for own in self.options for finding, digest in own.waivers.digests.items()}
        return replace(self.options[0].waivers, digests=digests)


def _consolidate(staged: StagedTogether, how: ScreenOptions) -> dict[str, Consolidated]:
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
