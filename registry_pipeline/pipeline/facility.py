"""The steps that are made per facility: land, stage, screen.

Belongs here: which rooms a step calls, what it reads from and writes to the store, whether it has
anything to do. Does not belong here: reading, typing or judging (``intake/``, ``validation/``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from registry_pipeline.core.files import disk_errors_as_store_error, write_json
from registry_pipeline.core.toml_source import nearest, read_toml
from registry_pipeline.core.working_files import DamagedFile
from registry_pipeline.intake.raw.lookup import raw_values
from registry_pipeline.intake.stage import Staged, stage_facility
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.corrections import applicable, with_corrections
from registry_pipeline.pipeline.merges import merges_at
from registry_pipeline.pipeline.screening_report import ScreeningReport, report_of
from registry_pipeline.pipeline.staged import stored_staging
from registry_pipeline.pipeline.step import (
    Step,
    refresh_lock,
    screening_fingerprint,
    staging_digest,
)
from registry_pipeline.pipeline.too_large import within_memory
from registry_pipeline.store.layout import StoreLayout
from registry_pipeline.store.parquet import read_parquet, write_parquet, write_rows
from registry_pipeline.validation.decisions.waivers import Waivers
from registry_pipeline.validation.registry_wide.persons import (
    with_merged_patients,
    with_survivors,
)
from registry_pipeline.validation.rules.catalogue import Catalogue, OverrideError, parameters_of
from registry_pipeline.validation.screening.facilities import StagedFrames
from registry_pipeline.validation.screening.record_keys import RecordKeys
from registry_pipeline.validation.screening.row_account import with_empty_sheets
from registry_pipeline.validation.screening.screen import Screening, ScreenOptions, screen_facility
from registry_pipeline.validation.screening.screened import Screened

STAGED_FRAMES = (
    "issues",
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
class Typed:
    """What a facility sent, typed before it is stored.

    Attributes:
        fingerprint: of what it was typed by.
    """

    fingerprint: str
    staged: Staged


@dataclass(frozen=True)
class Judged:
    """A facility whose records are judged, before they are stored.

    Attributes:
        fingerprint: of what it is judged by.
        again: judges it alone, after its staged frames were changed.
        survivors: pseudonym -> the one under which another facility knows the patient.
    """

    fingerprint: str
    staged: StagedFrames
    screened: Screened
    rules: Catalogue
    again: Callable[[StagedFrames], Screened]
    survivors: Mapping[str, str]


def stage(
    context: RefreshContext, facility_id: str, force: bool = False, typed: Typed | None = None
) -> dict[str, int]:
    """Read and type every source of a facility: table -> number of staged rows.

    Args:
        typed: what it sent, typed together with that of others.
    """
    with refresh_lock(context.home):
        return within_memory(context, facility_id, partial(_staged, context, facility_id, force, typed))


def staging_step(context: RefreshContext, facility_id: str) -> Step:
    """The step that types what a facility sent."""
    return Step(context.layout.staged(facility_id), staging_digest(context, facility_id), context.finished)


def _staged(
    context: RefreshContext, facility_id: str, force: bool, typed: Typed | None = None
) -> dict[str, int]:
    step = staging_step(context, facility_id)
    if typed is not None and typed.fingerprint != step.fingerprint:  # a file was left out
        typed = None
    counts: dict[str, int] = step.run(lambda: _stage(context, facility_id, typed), force)
    return counts


def _stage(context: RefreshContext, facility_id: str, typed: Typed | None) -> dict[str, int]:
    layout = context.layout
    folder = layout.staged(facility_id)
    if typed is not None:
        staged = typed.staged
    else:
        with disk_errors_as_store_error(layout.raw(facility_id)):
            staged = stage_facility(context.home, context.facility(facility_id), context.settings)
    context.merged_patients.pop(facility_id, None)
    _remove_files(folder)
    for table, frame in staged.tables.items():
        write_rows(frame, layout.staged_table(facility_id, table))
    for name in STAGED_FRAMES:
        write_rows(getattr(staged, name), layout.staged_frame(facility_id, name))
    write_parquet(staged.coercions, layout.staged_frame(facility_id, "coercions"))  # SQL reads it
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
    context: RefreshContext, facility_id: str, force: bool = False, judged: Judged | None = None
) -> ScreeningReport:
    """Judge every record of a facility; what was staged of it is made again where it is damaged.

    Args:
        judged: its records, judged together with those of others.
    """
    with refresh_lock(context.home):
        return within_memory(context, facility_id, partial(_screened, context, facility_id, force, judged))


def _screened(
    context: RefreshContext, facility_id: str, force: bool, judged: Judged | None
) -> ScreeningReport:
    stage(context, facility_id)
    try:
        return _report(context, facility_id, force, judged)
    except DamagedFile:  # rows as read, or patients of another facility: made again from what has landed
        for sender in context.senders:
            stage(context, sender)
        stage(context, facility_id, force=True)
        return _report(context, facility_id, force)


def screening_step(context: RefreshContext, facility_id: str) -> Step:
    """The step that judges a facility, of what was staged of it."""
    fingerprint = screening_fingerprint(context, facility_id)
    return Step(context.layout.screened(facility_id), fingerprint, context.finished)


def _report(
    context: RefreshContext, facility_id: str, force: bool, judged: Judged | None = None
) -> ScreeningReport:
    step = screening_step(context, facility_id)
    if judged and judged.fingerprint != step.fingerprint:  # a file was left out, or was made again
        judged = None
    return ScreeningReport(**step.run(lambda: _screen(context, facility_id, judged), force))


def judge(context: RefreshContext, facility_ids: Sequence[str]) -> dict[str, Judged]:
    """A facility's records judged, or those of several facilities that share rules, as each of them is alone.

    Of several nothing is given where that cannot be: each is to be judged by itself.

    Raises:
        DamagedFile: what was staged of one, or of a facility that knows the same patients, is not what was written.
    """
    parameters = parameters_of(context.settings, context.extract_date(facility_ids[0]))
    rules = facility_catalogue(context, facility_ids[0])
    merges = [merges_at(context, facility_id) for facility_id in facility_ids]
    options = [_options(context, facility_id) for facility_id in facility_ids]
    staged = [
        with_merged_patients(stored_staging(context, facility_id), own.within)
        for facility_id, own in zip(facility_ids, merges, strict=True)
    ]
    fingerprints = [screening_fingerprint(context, facility_id) for facility_id in facility_ids]
    screening = Screening(facility_ids, staged, rules, parameters, options)
    if not screening.is_as_alone:
        return {}
    judged = {}
    for at, screened in enumerate(screening.finish()):
        again = partial(
            screen_facility, facility_ids[at], rules=rules, parameters=parameters, options=options[at]
        )
        judged[facility_ids[at]] = Judged(
            fingerprints[at], staged[at], screened, rules, again, merges[at].between
        )
    return judged


def _options(context: RefreshContext, facility_id: str) -> ScreenOptions:
    facility, settings = context.facility(facility_id), context.settings
    waivers = Waivers(context.decisions.waived_at(facility_id), context.home.key())
    corrections = context.decisions.corrections_at(facility_id)
    return ScreenOptions(
        precedence=facility.precedence,
        tolerance=facility.tolerance,
        systemic_share=settings.refresh.systemic_share,
        raw_value=partial(raw_values, context.home, facility_id),
        memory_limit=settings.refresh.lesser_duckdb_memory,
        spill_folder=context.home.store,
        max_findings=settings.limits.max_findings,
        needed={*waivers.digests, *(decision.finding_id for decision in corrections)},
        waivers=waivers,
        record_keys=RecordKeys(context.home.key()),
    )


def _screen(context: RefreshContext, facility_id: str, judged: Judged | None) -> dict[str, Any]:
    judged = judged or judge(context, [facility_id])[facility_id]
    screened, key = judged.screened, context.home.key()
    applied = applicable(context.decisions.corrections_at(facility_id), screened.findings, key)
    if applied.height:
        screened = judged.again(with_corrections(judged.staged, applied, RecordKeys(key)))
    screened = _with_survivors(screened, judged.survivors)
    sheets = read_parquet(context.whole(context.layout.staged_frame(facility_id, "sheets")))
    account = with_empty_sheets(screened.row_account, sheets, facility_id)
    report = _store_screened(
        context.layout, facility_id, replace(screened, row_account=account), judged.rules
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
            counts[table] = frame.height
            if frame.height or outcome == "accepted":  # of most tables nothing is in quarantine
                write_parquet(frame, layout.screened_table(facility_id, table, outcome))
    for name in SCREENED_FRAMES:
        write_parquet(getattr(judged, name), layout.screened_frame(facility_id, name))
    if judged.doubts.findings.height:
        write_parquet(judged.doubts.packed(), layout.screened_frame(facility_id, "doubts"))
    write_json(judged.failures, layout.screened(facility_id) / "_failures.json", is_noted=True)
    return asdict(report_of(judged, rules, heights))
