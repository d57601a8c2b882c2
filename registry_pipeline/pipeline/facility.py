"""The steps that are made per facility: land, stage, screen.

Belongs here: which rooms a step calls, what it reads from and writes to the store, whether it has
anything to do. Does not belong here: reading, typing or judging (``intake/``, ``validation/``).
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from registry_pipeline.core.files import disk_errors_as_store_error, write_json
from registry_pipeline.core.toml_source import nearest, read_toml
from registry_pipeline.core.working_files import DamagedFile
from registry_pipeline.intake.raw.lookup import raw_values
from registry_pipeline.intake.stage import stage_facility
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.corrections import applicable, with_corrections
from registry_pipeline.pipeline.merges import Merges, merges_at
from registry_pipeline.pipeline.step import (
    Step,
    is_whole,
    read_note,
    refresh_lock,
    screening_fingerprint,
    staging_digest,
)
from registry_pipeline.pipeline.too_large import within_memory
from registry_pipeline.store.layout import StoreLayout
from registry_pipeline.store.parquet import StoredRows, read_parquet, write_parquet
from registry_pipeline.validation.decisions.ledger import Decision
from registry_pipeline.validation.decisions.waivers import Waivers
from registry_pipeline.validation.registry_wide.persons import (
    StagedParts,
    with_merged_patients,
    with_survivors,
)
from registry_pipeline.validation.rules.catalogue import Catalogue, OverrideError, parameters_of
from registry_pipeline.validation.screening.record_keys import RecordKeys
from registry_pipeline.validation.screening.row_account import with_empty_sheets
from registry_pipeline.validation.screening.screen import Screened, ScreenOptions, screen_facility

STAGED_FRAMES = (
    "issues",
    "coercions",
    "rows",
    "file_issues",
    "files",
    "sheets",
    "person_keys",
    "column_map",
    "headers",
)
SCREENED_FRAMES = ("findings", "unlisted", "rule_results", "row_account", "quarantine")


@dataclass(frozen=True)
class ScreeningReport:
    """Counts of one facility's screening, for events and terminals: no values.

    Attributes:
        n_accepted: table -> accepted records.
        n_quarantined: table -> quarantined records.
        findings: table -> list of [rule id, severity, category, number of findings].
        failed: table -> list of [rule id, category] of the rules that failed to run.
    """

    n_accepted: dict[str, int]
    n_quarantined: dict[str, int]
    findings: dict[str, list[tuple[str, str, str, int]]]
    failed: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def counts(self, table: str) -> Counter[tuple[str, str, str]]:
        """(rule id, severity, category) -> number of findings of a table."""
        return Counter(
            {(rule, severity, category): n for rule, severity, category, n in self.findings.get(table, [])}
        )


class StagedTables(Mapping[str, pl.DataFrame]):
    """The staged tables of a facility, each read when it is asked for and not kept: all are large together."""

    def __init__(self, context: RefreshContext, folder: Path) -> None:
        self.context = context
        written = (read_note(folder) or {"files": {}})["files"]
        self.paths = {Path(name).stem: folder / name for name in written if fnmatch(name, "[!_]*.parquet")}

    def __getitem__(self, name: str) -> pl.DataFrame:
        return read_parquet(self.context.whole(self.paths[name]))

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)


def stage(context: RefreshContext, facility_id: str, force: bool = False) -> dict[str, int]:
    """Read and type every source of a facility: table -> number of staged rows."""
    with refresh_lock(context.home):
        return within_memory(context, facility_id, partial(_staged, context, facility_id, force))


def _staged(context: RefreshContext, facility_id: str, force: bool) -> dict[str, int]:
    step = Step(context.layout.staged(facility_id), staging_digest(context, facility_id), context.finished)
    counts: dict[str, int] = step.run(lambda: _stage(context, facility_id), force)
    return counts


def _stage(context: RefreshContext, facility_id: str) -> dict[str, int]:
    layout = context.layout
    folder = layout.staged(facility_id)
    with disk_errors_as_store_error(layout.raw(facility_id)):
        staged = stage_facility(context.home, context.facility(facility_id), context.settings)
    _remove_files(folder)
    for table, frame in staged.tables.items():
        write_parquet(frame, layout.staged_table(facility_id, table))
    for name in STAGED_FRAMES:
        write_parquet(getattr(staged, name), layout.staged_frame(facility_id, name))
    columns = [[*key, value] for key, value in staged.source_columns.items()]
    write_json(columns, folder / "_source_columns.json", is_noted=True)
    write_json(dict(staged.judged), folder / "_judged.json", is_noted=True)
    return {table: frame.height for table, frame in staged.tables.items()}


def _remove_files(folder: Path) -> None:
    """What an earlier run of a step wrote: it may have made tables that this one does not."""
    for path in folder.glob("*.*"):
        path.unlink()


def rows_read(context: RefreshContext, facility_id: str) -> int:
    """Rows of all files of a facility, as counted when they were staged."""
    sheets = read_parquet(context.whole(context.layout.staged_frame(facility_id, "sheets")))
    return int(sheets.get_column("n_read").sum())


def _stored_staging(context: RefreshContext, facility_id: str) -> StagedParts:
    layout = context.layout
    folder = layout.staged(facility_id)
    columns = json.loads(context.whole(folder / "_source_columns.json").read_text(encoding="utf-8"))
    return StagedParts(
        StagedTables(context, folder),
        issues=StoredRows(context.whole(layout.staged_frame(facility_id, "issues"))),
        rows=read_parquet(context.whole(layout.staged_frame(facility_id, "rows"))),
        file_issues=read_parquet(context.whole(layout.staged_frame(facility_id, "file_issues"))),
        source_columns={tuple(key): value for *key, value in columns},
        judged=json.loads(context.whole(folder / "_judged.json").read_text(encoding="utf-8")),
    )


def facility_catalogue(context: RefreshContext, facility_id: str) -> Catalogue:
    """The rules in force at a facility.

    Raises:
        ConfigurationError: an override names a rule, severity or threshold that does not exist.
    """
    facility, rules = context.facility(facility_id), context.rules
    for rule_id in context.settings.refresh.blocking_rules:
        if rule_id not in rules.entries:
            message = f"there is no rule {rule_id}{nearest(rule_id, rules.entries)}"
            raise read_toml(context.home.settings_file).error(["refresh", "blocking_rules"], message)
    try:
        return rules.overridden_at_facility(facility.rules)
    except OverrideError as problem:
        raise context.mapping(facility_id).error(problem.keys, str(problem)) from None


def screen(context: RefreshContext, facility_id: str, force: bool = False) -> ScreeningReport:
    """Judge every record of a facility; what was staged of it is made again where it is damaged."""
    with refresh_lock(context.home):
        return within_memory(context, facility_id, partial(_screened, context, facility_id, force))


def _screened(context: RefreshContext, facility_id: str, force: bool) -> ScreeningReport:
    stage(context, facility_id)
    try:
        return _judged(context, facility_id, force)
    except DamagedFile:  # rows as read, or patients of another facility: made again from what has landed
        for sender in context.senders:
            stage(context, sender)
        stage(context, facility_id, force=True)
        return _judged(context, facility_id, force)


def _judged(context: RefreshContext, facility_id: str, force: bool) -> ScreeningReport:
    fingerprint = screening_fingerprint(context, facility_id)
    merges, waived = merges_at(context, facility_id), context.decisions.waived_at(facility_id)
    corrections = context.decisions.corrections_at(facility_id)
    step = Step(context.layout.screened(facility_id), fingerprint, context.finished)
    waivers = Waivers(waived, context.home.key())
    report = step.run(lambda: _screen(context, facility_id, merges, waivers, corrections), force)
    return ScreeningReport(**report)


def screen_damaged(context: RefreshContext) -> None:
    """Judge again what the store holds of facilities that this refresh did not look at, where it is damaged."""
    layout = context.layout
    for facility_id in context.senders:
        folders = (layout.staged(facility_id), layout.screened(facility_id))
        if folders[1].is_dir() and not all(is_whole(folder, context.finished) for folder in folders):
            screen(context, facility_id)


def _screen(
    context: RefreshContext,
    facility_id: str,
    merges: Merges,
    waivers: Waivers,
    corrections: Sequence[Decision],
) -> dict[str, Any]:
    facility, settings = context.facility(facility_id), context.settings
    rules = facility_catalogue(context, facility_id)
    keys = RecordKeys(facility_id, context.home.key())
    options = ScreenOptions(
        precedence=facility.precedence,
        tolerance=facility.tolerance,
        systemic_share=settings.refresh.systemic_share,
        raw_value=partial(raw_values, context.home, facility_id),
        memory_limit=settings.refresh.screening_memory,
        spill_folder=context.home.store,
        max_findings=settings.limits.max_findings,
        needed={*waivers.digests, *(decision.finding_id for decision in corrections)},
        waivers=waivers,
        record_keys=keys,
    )
    staged = with_merged_patients(_stored_staging(context, facility_id), merges.within)
    parameters = parameters_of(settings, context.extract_date(facility_id))
    judged = screen_facility(facility_id, staged, rules, parameters, options)
    applied = applicable(corrections, judged.findings, waivers.key)
    if applied.height:
        staged = with_corrections(staged, applied, keys)
        judged = screen_facility(facility_id, staged, rules, parameters, options)
    judged = _with_survivors(judged, merges.between)
    sheets = read_parquet(context.whole(context.layout.staged_frame(facility_id, "sheets")))
    account = with_empty_sheets(judged.row_account, sheets, facility_id)
    report = _store_screened(context.layout, facility_id, replace(judged, row_account=account), rules)
    write_parquet(applied, context.layout.screened_frame(facility_id, "corrections"))
    return report


def _with_survivors(judged: Screened, between: Mapping[str, str]) -> Screened:
    """Records of patients whom another facility knows under the pseudonym that survives."""
    if not between:
        return judged
    accepted, quarantined = (
        {table: with_survivors(frame, between) for table, frame in frames.items()}
        for frames in (judged.accepted, judged.quarantined)
    )
    quarantine = with_survivors(judged.quarantine, between)
    return replace(judged, accepted=accepted, quarantined=quarantined, quarantine=quarantine)


def _store_screened(
    layout: StoreLayout, facility_id: str, judged: Screened, rules: Catalogue
) -> dict[str, Any]:
    _remove_files(layout.screened(facility_id))
    heights: dict[str, dict[str, int]] = {"accepted": {}, "quarantined": {}}
    for outcome, counts in heights.items():
        for table, frame in getattr(judged, outcome).items():
            write_parquet(frame, layout.screened_table(facility_id, table, outcome))
            counts[table] = frame.height
    for name in SCREENED_FRAMES:
        write_parquet(getattr(judged, name), layout.screened_frame(facility_id, name))
    if judged.doubts.findings.height:
        write_parquet(judged.doubts.packed(), layout.screened_frame(facility_id, "doubts"))
    write_json(judged.failures, layout.screened(facility_id) / "_failures.json", is_noted=True)
    return asdict(_report(judged, rules, heights))


def _report(judged: Screened, rules: Catalogue, heights: Mapping[str, dict[str, int]]) -> ScreeningReport:
    findings: dict[str, list[tuple[str, str, str, int]]] = {}
    by = ["table_name", "rule_id", "severity"]
    counts = [frame.group_by(by).len() for frame in (judged.findings, judged.unlisted)]
    texts = pl.concat(frame.cast(dict.fromkeys(by, pl.String)) for frame in counts)  # type: ignore[arg-type]
    counted: Any = texts.group_by(by).agg(pl.col("len").sum()).sort(pl.all())
    for table, rule_id, severity, n in counted.iter_rows():
        findings.setdefault(table, []).append((rule_id, severity, rules.entries[rule_id].category, n))
    failed: dict[str, list[tuple[str, str]]] = {}
    for rule_id in sorted(judged.failures):
        entry = rules.entries[rule_id]
        for table in [entry.table_name] if entry.table_name else judged.accepted:
            failed.setdefault(table, []).append((rule_id, entry.category))
    return ScreeningReport(heights["accepted"], heights["quarantined"], findings, failed)
