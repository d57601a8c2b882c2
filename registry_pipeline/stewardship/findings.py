"""The findings as a data manager sees them: as of the last screening, filtered, ordered, in her language.

Belongs here: which findings there are, filters, order, counts, what a filter may name.
Does not belong here: making findings (``validation/``), drawing tables (``cli/``, ``web/``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import polars as pl

from registry_pipeline.core.home import Home
from registry_pipeline.core.toml_source import nearest
from registry_pipeline.pipeline.context import read_context
from registry_pipeline.pipeline.findings import latest_findings
from registry_pipeline.stewardship.impact import impact_ranks
from registry_pipeline.stewardship.patients import meant_patients
from registry_pipeline.stewardship.sources import Sources, read_sources, screened_at
from registry_pipeline.store.releases import current_release, release_ids
from registry_pipeline.validation.decisions.in_force import today
from registry_pipeline.validation.records import curated
from registry_pipeline.validation.rules.catalogue import catalogue
from schemas.codes import FINDING_STATUS, OPEN_STATUSES, SEVERITY
from schemas.table import key_of

SEVERITIES = SEVERITY.codes
COUNTED_BY = {
    "rule": "rule_id",
    "facility": "facility_id",
    "severity": "severity",
    "status": "status",
    "file": "source_file",
    "patient": "patient_id",
    "assigned": "assigned_to",
    "column": "source_column",
    "value": "value_text",
    "cause": "cause_id",
}
"""What findings may be counted by, and the column that says it."""
CAUSE = ("rule_id", "facility_id", "severity", "source_column", "value_text")
"""Findings alike in these have one cause: one decision settles them all. A value that only says which record it is, as the
patient's number, does not count; each pair of patients (V05) is a cause by itself."""


class UnknownFilter(ValueError):
    """A filter names what there is not; the message names the filter and the nearest right word."""


@dataclass(frozen=True)
class Snapshot:
    """The findings at one moment.

    Attributes:
        findings: rows of ``quality.finding`` with ``impact_rank`` and ``cause_id`` (the least id of the findings of one
            cause), the gravest first, and of those the ones that can move the study's numbers farthest.
        waiting: those that are open; rows of one cause are one.
        search_text: what a text is looked for in, one per finding.
        impacts: how far each can move the study's numbers, see :func:`read_impacts`.
        numbers: by which numbers the facilities know their patients, see :func:`.patients.read_numbers`.
        screened_at: when files were last judged (UTC), or None.
        release_id: the release that is served, or None.
        is_released: whether the release was made of what was judged last.
    """

    findings: pl.DataFrame
    waiting: pl.DataFrame
    search_text: pl.Series
    impacts: pl.DataFrame
    numbers: pl.DataFrame
    screened_at: datetime | None
    release_id: str | None
    is_released: bool

    @property
    def as_of(self) -> str:
        """Says of a form which screening it shows: after another one other values may stand there."""
        return str(self.screened_at)


@dataclass(frozen=True)
class Filters:
    """Which findings are wanted: of every kind that is not empty, one of its values.

    Attributes:
        status: codes of ``FINDING_STATUS``; ``all`` for every one, none for the open ones.
        file: names of source files.
        column, value: of the file, as received.
        cause: ids of findings; those that have a cause with one of them in common.
        blank: those of a cell without a value.
        new: those that the last screening, or else the served release, shows for the first time.
        since: those first shown after this release.
        patient: pseudonyms, or numbers by which a facility knows her.
        overdue: those that were asked and whose due date has passed.
        text: part of a value, a message, a record key, an id or a facility's number of the patient.
        every_row: also the rows behind a finding of a common cause.
    """

    facility: tuple[str, ...] = ()
    rule: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    patient: tuple[str, ...] = ()
    file: tuple[str, ...] = ()
    assigned: tuple[str, ...] = ()
    column: tuple[str, ...] = ()
    value: tuple[str, ...] = ()
    cause: tuple[str, ...] = ()
    blank: bool = False
    overdue: bool = False
    new: bool = False
    since: str = ""
    text: str = ""
    every_row: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked for in particular."""
        return not any(getattr(self, field.name) for field in fields(self))


def take_snapshot(home: Home, sources: Sources | None = None) -> Snapshot:
    """The findings as of the last screening, with the ledger as it is now.

    Args:
        sources: read before, for who takes snapshots after each decision.
    """
    own_sources = sources or read_sources(home)
    findings, is_released = latest_findings(read_context(home), own_sources.findings)
    impacts = own_sources.impacts
    ranked = findings.with_columns(cause_id(), pl.col("n_rows").fill_null(1)).join(
        impact_ranks(impacts), on="finding_id", how="left"
    )
    ordered = _ordered(ranked)
    waiting = ordered.filter(_is_open(OPEN_STATUSES), pl.col("systemic_finding_id").is_null())
    searched = _search_text(ordered, own_sources.numbers)
    release = (screened_at(home), current_release(home), is_released)
    return Snapshot(ordered, waiting, searched, impacts, own_sources.numbers, *release)


def _is_open(states: Sequence[str]) -> pl.Expr:
    return pl.col("status").is_in(list(states))


def _search_text(findings: pl.DataFrame, numbers: pl.DataFrame) -> pl.Series:
    """All that a text may be looked for in, in small letters, made once: a search goes through every finding."""
    own = numbers.group_by("patient_id").agg(pl.col("source_patient_id").str.join("\n").alias("_numbers"))
    numbered = findings.join(own, on="patient_id", how="left", maintain_order="left")
    record = ("record_key", "source_record_id", "patient_id", "_numbers")
    names = ("finding_id", *record, "value_text", "message", "items")
    text = pl.concat_str(names, separator="\n", ignore_nulls=True).str.to_lowercase()
    return numbered.select(text.alias("text")).to_series()


def cause_id() -> pl.Expr:
    """The least id of the findings that have one cause, see ``CAUSE``."""
    keys = {
        f"{table}.{name}" for table, model in curated().items() for name in (*key_of(model), "patient_id")
    }
    item = pl.concat_str("table_name", pl.col("items").str.split(",").list.first(), separator=".")
    is_value = ~item.is_in(list(keys)).fill_null(False)
    value = pl.when(pl.col("rule_id") == "V05").then("record_key").when(is_value).then("value_text")
    return pl.col("finding_id").min().over([*CAUSE[:-1], value]).alias("cause_id")


def severity_order() -> pl.Expr:
    """The gravest first."""
    order = {severity: number for number, severity in enumerate(SEVERITIES)}
    return pl.col("severity").replace_strict(order, default=9, return_dtype=pl.Int8)


def _ordered(findings: pl.DataFrame) -> pl.DataFrame:
    return findings.sort(
        severity_order(), "impact_rank", "facility_id", "rule_id", "record_key", "finding_id", nulls_last=True
    )


def select_findings(snapshot: Snapshot, filters: Filters) -> pl.DataFrame:
    """The findings that are wanted, in the snapshot's order."""
    tests = [
        pl.col(column).is_in(list(values))
        for name, column in COUNTED_BY.items()
        if name not in ("status", "cause", "patient") and (values := getattr(filters, name))
    ]
    if filters.cause:
        named = snapshot.findings.filter(pl.col("finding_id").is_in(list(filters.cause)))
        tests.append(pl.col("cause_id").is_in(named["cause_id"].unique().implode()))
    if filters.patient:
        tests.append(
            pl.col("patient_id").is_in([*filters.patient, *meant_patients(snapshot.numbers, filters.patient)])
        )
    if filters.overdue:
        tests.append(pl.col("due_date") < today())
    if filters.blank:
        tests.append(pl.col("value_text").is_null())
    first = pl.col("first_seen_release")
    if filters.new:
        tests.append(first == (snapshot.release_id if snapshot.is_released else ""))
    if filters.since:
        tests.append((first > filters.since) | (first == ""))
    text = filters.text.strip().lower()
    if not (filters.status or filters.every_row or text):
        return snapshot.waiting.filter(tests) if tests else snapshot.waiting
    states = filters.status or OPEN_STATUSES
    tests += [] if "all" in states else [_is_open(states)]
    tests += [] if filters.every_row else [pl.col("systemic_finding_id").is_null()]
    tests += [pl.lit(snapshot.search_text.str.contains(text, literal=True))] if text else []
    return snapshot.findings.filter(tests) if tests else snapshot.findings


def count_findings(findings: pl.DataFrame, column: str) -> pl.DataFrame:
    """How many findings of each value of a column, the most first: the column, one per severity, ``n_findings``."""
    per_severity = [(pl.col("severity") == severity).sum().alias(severity) for severity in SEVERITIES]
    counted = findings.group_by(column).agg(*per_severity, pl.len().alias("n_findings"))
    return counted.sort(["n_findings", column], descending=[True, False], nulls_last=True)


def refuse_unknown(home: Home, snapshot: Snapshot, filters: Filters) -> None:
    """A filter that can match nothing is a slip, not a registry without findings.

    Raises:
        UnknownFilter: it names a rule, facility, state, patient, file or release that there is not.
    """
    allowed: dict[str, Sequence[str]] = {
        "status": [*FINDING_STATUS.codes, "all"],
        "severity": SEVERITIES,
        "rule": sorted({*catalogue(home.settings()).entries, *_values(snapshot, "rule_id")}),
        "facility": sorted({*home.facility_ids(), *_values(snapshot, "facility_id")}),
    }
    columns = {**{name: COUNTED_BY[name] for name in ("patient", "file", "assigned")}, "cause": "finding_id"}
    for name, column in columns.items():
        if getattr(filters, name):
            allowed[name] = _values(snapshot, column)
    if filters.patient:
        allowed["patient"] = [
            *allowed["patient"],
            *snapshot.numbers["source_patient_id"].drop_nulls().unique(),
        ]
    for name, values in allowed.items():
        for value in getattr(filters, name):
            if value not in values:
                raise UnknownFilter(f"--{name}: there is no '{value}'{nearest(value, values)}")
    if filters.since and filters.since not in (releases := release_ids(home)):
        raise UnknownFilter(
            f"--since: there is no release '{filters.since}'{nearest(filters.since, releases)}"
        )


def _values(snapshot: Snapshot, column: str) -> list[str]:
    return snapshot.findings.get_column(column).drop_nulls().unique().sort().to_list()


def translate(findings: pl.DataFrame, language: str) -> pl.DataFrame:
    """Findings with message and suggestion in a language.

    Raises:
        UnknownFilter: there are no messages in this language.
    """
    from registry_pipeline.validation.rules.translations import in_language as translated
    from schemas.messages import supported_language

    try:
        return translated(findings, supported_language(language))
    except ValueError as problem:
        raise UnknownFilter(f"--language: {problem}") from None


def find(snapshot: Snapshot, finding_id: str) -> Mapping[str, Any] | None:
    """One finding by its id, or None."""
    rows = snapshot.findings.filter(pl.col("finding_id") == finding_id)
    return rows.row(0, named=True) if rows.height else None
