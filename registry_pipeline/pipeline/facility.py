"""The steps that are made per facility: land, stage, screen.

Belongs here: which rooms a step calls, what it reads from and writes to the store, whether it has
anything to do. Does not belong here: reading, typing or judging (``intake/``, ``validation/``).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
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
from registry_pipeline.pipeline.merges import merges_at
from registry_pipeline.pipeline.staged import stored_staging
from registry_pipeline.pipeline.step import (
    Step,
    is_whole,
    refresh_lock,
    screening_fingerprint,
    staging_digest,
)
from registry_pipeline.pipeline.too_large import within_memory
from registry_pipeline.store.layout import StoreLayout
from registry_pipeline.store.parquet import read_parquet, write_parquet
from registry_pipeline.validation.decisions.waivers import Waivers
from registry_pipeline.validation.registry_wide.persons import (
    with_merged_patients,
    with_survivors,
)
from registry_pipeline.validation.rules.catalogue import Catalogue, OverrideError, parameters_of
from registry_pipeline.validation.screening.record_keys import RecordKeys
from registry_pipeline.validation.screening.row_account import with_empty_sheets
from registry_pipeline.validation.screening.screen import (
    Screened,
    Screening,
    ScreenOptions,
    judge_together,
    screen_facility,
)

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


@dataclass(frozen=True)
class Begun:
    """A facility whose records are judged before they are stored.

    Attributes:
        fingerprint: of what it is judged by.
        survivors: pseudonym -> the one under which another facility knows the patient.
    """

    fingerprint: str
    screening: Screening
    survivors: Mapping[str, str]


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


def screen(
    context: RefreshContext, facility_id: str, force: bool = False, begun: Begun | None = None
) -> ScreeningReport:
    """Judge every record of a facility; what was staged of it is made again where it is damaged.

    Args:
        begun: its records, judged together with those of others.
    """
    with refresh_lock(context.home):
        return within_memory(context, facility_id, partial(_screened, context, facility_id, force, begun))


def _screened(context: RefreshContext, facility_id: str, force: bool, begun: Begun | None) -> ScreeningReport:
    stage(context, facility_id)
    try:
        return _judged(context, facility_id, force, begun)
    except DamagedFile:  # rows as read, or patients of another facility: made again from what has landed
        for sender in context.senders:
            stage(context, sender)
        stage(context, facility_id, force=True)
        return _judged(context, facility_id, force)


def screening_step(context: RefreshContext, facility_id: str) -> Step:
    """The step that judges a facility, of what was staged of it."""
    fingerprint = screening_fingerprint(context, facility_id)
    return Step(context.layout.screened(facility_id), fingerprint, context.finished)


def _judged(
    context: RefreshContext, facility_id: str, force: bool, begun: Begun | None = None
) -> ScreeningReport:
    step = screening_step(context, facility_id)
    if begun is not None and begun.fingerprint != step.fingerprint:  # a file was left out, or was made again
        begun = None
    return ScreeningReport(**step.run(lambda: _screen(context, facility_id, begun), force))


def screen_damaged(context: RefreshContext) -> None:
    """Judge again what the store holds of facilities that this refresh did not look at, where it is damaged."""
    layout = context.layout
    for facility_id in context.senders:
        folders = (layout.staged(facility_id), layout.screened(facility_id))
        if folders[1].is_dir() and not all(is_whole(folder, context.finished) for folder in folders):
            screen(context, facility_id)


def begin_screening(context: RefreshContext, facility_id: str) -> Begun:
    """A facility's records, each judged by itself, before the rules between tables.

    Raises:
        DamagedFile: what was staged of it, or of a facility that knows the same patients, is not what was written.
    """
    facility, settings = context.facility(facility_id), context.settings
    merges = merges_at(context, facility_id)
    waivers = Waivers(context.decisions.waived_at(facility_id), context.home.key())
    corrections = context.decisions.corrections_at(facility_id)
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
        record_keys=RecordKeys(facility_id, context.home.key()),
    )
    staged = with_merged_patients(stored_staging(context, facility_id), merges.within)
    rules = facility_catalogue(context, facility_id)
    parameters = parameters_of(settings, context.extract_date(facility_id))
    screening = Screening(facility_id, staged, rules, parameters, options)
    return Begun(screening_fingerprint(context, facility_id), screening, merges.between)


def _screen(context: RefreshContext, facility_id: str, begun: Begun | None) -> dict[str, Any]:
    if begun is None:
        begun = begin_screening(context, facility_id)
        judge_together([begun.screening])
    screening, key = begun.screening, context.home.key()
    judged = screening.finish()
    applied = applicable(context.decisions.corrections_at(facility_id), judged.findings, key)
    if applied.height:
        staged = with_corrections(screening.staged, applied, RecordKeys(facility_id, key))
        judged = screen_facility(
            facility_id, staged, screening.rules, screening.parameters, screening.options
        )
    judged = _with_survivors(judged, begun.survivors)
    sheets = read_parquet(context.whole(context.layout.staged_frame(facility_id, "sheets")))
    account = with_empty_sheets(judged.row_account, sheets, facility_id)
    report = _store_screened(
        context.layout, facility_id, replace(judged, row_account=account), screening.rules
    )
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
