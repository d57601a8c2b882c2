"""The step that judges the records of facilities; small ones are judged under one another where they share rules.

Belongs here: whether there is anything to judge, which facilities are judged together, what is stored of it.
Does not belong here: judging (``validation/``), what a facility's step goes by (``step_keys.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from registry_pipeline.core.files import json_digest, write_json
from registry_pipeline.core.memory import MemoryInterrupt
from registry_pipeline.core.side_by_side import MOST_FILES
from registry_pipeline.core.working_files import DamagedFile
from registry_pipeline.intake.raw.lookup import raw_values
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.corrections import applicable, with_corrections
from registry_pipeline.pipeline.groups import grouped, worked_together
from registry_pipeline.pipeline.merges import merges_at
from registry_pipeline.pipeline.screening_report import ScreeningReport, report_of
from registry_pipeline.pipeline.staged import stored_staging
from registry_pipeline.pipeline.staging import stage, stage_together
from registry_pipeline.pipeline.step import Step, is_whole, refresh_lock, remove_files
from registry_pipeline.pipeline.step_keys import (
    facility_catalogue,
    screening_fingerprint,
    sources_digest,
)
from registry_pipeline.pipeline.too_large import together_within_memory, within_memory
from registry_pipeline.store.layout import StoreLayout
from registry_pipeline.store.parquet import read_parquet, write_parquet
from registry_pipeline.validation.decisions.waivers import Waivers
from registry_pipeline.validation.registry_wide.persons import (
    with_merged_patients,
    with_survivors,
)
from registry_pipeline.validation.rules.catalogue import Catalogue, parameters_of
from registry_pipeline.validation.screening.facilities import StagedFrames
from registry_pipeline.validation.screening.record_keys import RecordKeys
from registry_pipeline.validation.screening.row_account import with_empty_sheets
from registry_pipeline.validation.screening.screen import Screening, ScreenOptions, screen_facility
from registry_pipeline.validation.screening.screened import Screened

SCREENED_FRAMES = ("findings", "unlisted", "rule_results", "row_account", "quarantine")
MOST_STAGED_BYTES = 100 * 2**20
"""Of staged files of facilities that are judged together: a third of what 100,000 patients have."""


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


def judge_facilities(
    context: RefreshContext, facility_ids: Sequence[str], force: bool, progress: Callable[[str], None]
) -> None:
    """Stage and screen facilities; to be called by the one who holds the store's lock."""
    stage_together(context, facility_ids, force, progress)
    screen_together(context, facility_ids, force, progress)


def screen_together(
    context: RefreshContext,
    facility_ids: Sequence[str],
    force: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, ScreeningReport]:
    """Judge facilities that are staged; small ones are judged under one another where they share rules."""

    def screen_one(facility_id: str, judged: Judged | None) -> ScreeningReport:
        progress(f"screening {facility_id}")
        return screen(context, facility_id, force, judged)

    return worked_together(
        _of_same_rules(context, facility_ids, force), partial(_judged, context), screen_one
    )


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
    remove_files(layout.screened(facility_id))
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


def _of_same_rules(context: RefreshContext, facility_ids: Sequence[str], force: bool) -> Iterator[list[str]]:
    """Facilities to judge by the same rules and the same end of observation; those that are up to date one by one.

    Of those together none begins with another one and a hyphen (``screening/facilities.py``).
    """

    def rules(facility_id: str) -> str | None:
        if not force and screening_step(context, facility_id).is_done():
            return None
        if len(context.ledgers[facility_id]) >= MOST_FILES:
            return None
        mapping = context.mapping(facility_id).data
        judged_by = [mapping.get(name) for name in ("rules", "precedence", "tolerance")]
        sources = (
            sources_digest(context, facility_id) if mapping.get("precedence") else ""
        )  # it numbers sources
        day = str(context.extract_date(facility_id))
        return json_digest([*judged_by, sources, day, n_beginnings(facility_id, ids)])

    ids = set(facility_ids)
    return grouped(facility_ids, rules, partial(_staged_bytes, context), MOST_STAGED_BYTES)


def n_beginnings(facility_id: str, ids: Collection[str]) -> int:
    """How many other ids an id begins with, each before a hyphen: of those with the same number none begins another."""
    return sum(facility_id[:at] in ids for at, sign in enumerate(facility_id) if sign == "-")


def _staged_bytes(context: RefreshContext, facility_id: str) -> int:
    return sum(path.stat().st_size for path in context.layout.staged(facility_id).glob("*"))


def _judged(context: RefreshContext, alike: Sequence[str]) -> dict[str, Judged]:
    """The facilities with their records judged; none where that fails, for each to be judged and its fault found alone."""
    try:
        with together_within_memory(context, alike):
            return judge(context, alike)
    except (DamagedFile, MemoryInterrupt):
        return {}


def screen_damaged(context: RefreshContext) -> None:
    """Judge again what the store holds of facilities that this refresh did not look at, where it is damaged."""
    layout = context.layout
    for facility_id in context.senders:
        folders = (layout.staged(facility_id), layout.screened(facility_id))
        if folders[1].is_dir() and not all(is_whole(folder, context.finished) for folder in folders):
            screen(context, facility_id)
