"""What a screening gives: judged records, findings and accounts of a facility, shared out of those of several.

Belongs here: the shape of it, and whose is what. Does not belong here: judging (the modules beside this).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from registry_pipeline.core.side_by_side import Bounds, bounds, own_number
from registry_pipeline.validation.rules.catalogue import Catalogue
from registry_pipeline.validation.screening.doubts import Doubts
from registry_pipeline.validation.screening.facilities import Facilities, with_own_numbers
from registry_pipeline.validation.screening.row_account import row_account
from registry_pipeline.validation.screening.rule_results import rule_results
from registry_pipeline.validation.screening.within_table import Outcome


@dataclass(frozen=True)
class RecordsOfOutcome(Mapping[str, pl.DataFrame]):
    """The accepted or the quarantined records of a facility per table, each made when it is asked for and not kept.

    Attributes:
        records: per table every record, in the shape of the screening.
        is_chosen: per table one boolean per record.
        place: per table where the facility's records begin, and how many they are.
    """

    records: Mapping[str, pl.DataFrame]
    is_chosen: Mapping[str, pl.Series]
    place: Mapping[str, tuple[int, int]]

    def __getitem__(self, name: str) -> pl.DataFrame:
        records = self.records[name].slice(*self.place[name])
        is_chosen = self.is_chosen[name].slice(*self.place[name])
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


@dataclass(frozen=True)
class ScreenedTogether:
    """What a screening gave of its facilities under one another.

    Attributes:
        places: per table where the records of each facility stand.
        is_out: per table whether each record is quarantined.
        rows, fates: every source row, and what became of it.
        findings, quarantine: as of :class:`Screened`, each with its facility.
        unlisted: of one facility only.
        violated: ``rule_id, facility_id`` of every finding that breaks a rule and is listed.
        doubts: of each facility.
    """

    facilities: Facilities
    records: Mapping[str, pl.DataFrame]
    places: Mapping[str, Bounds]
    is_out: Mapping[str, pl.Series]
    rows: pl.DataFrame
    fates: pl.DataFrame
    findings: pl.DataFrame
    unlisted: pl.DataFrame
    violated: pl.DataFrame
    quarantine: pl.DataFrame
    doubts: Sequence[Doubts]

    def by_facility(self, rules: Catalogue, outcome: Outcome) -> list[Screened]:
        """Each facility's own, with the numbers that its rows have."""
        n, records, findings = len(self.facilities), self.records, self.findings
        if n > 1:
            records = {name: with_own_numbers(frame) for name, frame in records.items()}
            findings = findings.with_columns(own_number(pl.col("_row_id")))
        is_in = {name: ~mask for name, mask in self.is_out.items()}
        findings_of, quarantine_of, violated = (
            self._shares(findings),
            self._shares(self.quarantine),
            self._violated(),
        )
        screened = []
        for at, place in enumerate(bounds(self.rows["_row_id"], n)):
            facility_id, rows = self.facilities.ids[at], self.rows.slice(*place)
            where = {name: places[at] for name, places in self.places.items()}
            judged = outcome.denominators[at]
            screened.append(
                Screened(
                    RecordsOfOutcome(records, is_in, where),
                    RecordsOfOutcome(records, self.is_out, where),
                    findings_of[at],
                    self.unlisted,
                    rule_results(facility_id, rules, judged, outcome.failures, violated[facility_id], rows),
                    row_account(facility_id, rows, self.fates.slice(*place)),
                    quarantine_of[at],
                    self.doubts[at],
                    outcome.failures,
                )
            )
        return screened

    def _violated(self) -> dict[str, Counter[str]]:
        """Facility -> rule -> how many findings, listed or not, break it."""
        counts: dict[str, Counter[str]] = {name: Counter() for name in self.facilities.ids}
        for facility_id, rule_id, number in (
            self.violated.group_by("facility_id", "rule_id").len().iter_rows()
        ):
            counts[facility_id][rule_id] = number
        for rule_id, number in self.unlisted.group_by("rule_id").len().iter_rows():
            counts[self.facilities.ids[0]][rule_id] += number
        return counts

    def _shares(self, frame: pl.DataFrame) -> list[pl.DataFrame]:
        """Rows with a facility, those of each."""
        if len(self.facilities) == 1:
            return [frame]
        parts = frame.partition_by("facility_id", maintain_order=True, as_dict=True)
        return [parts.get((facility_id,), frame.clear()) for facility_id in self.facilities.ids]
