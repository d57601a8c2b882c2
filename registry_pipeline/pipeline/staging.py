"""The step that types what facilities sent; small ones of the same sources are typed together.

Belongs here: whether there is anything to type, which facilities are typed together, what is stored of it.
Does not belong here: reading or typing (``intake/``), what a facility's step goes by (``step_keys.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from registry_pipeline.core.files import StoreError, disk_errors_as_store_error, write_json
from registry_pipeline.core.memory import MemoryInterrupt
from registry_pipeline.core.side_by_side import MOST_FILES
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.intake.stage import Staged, can_be_stacked, stage_alike, stage_facility
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.groups import grouped, worked_together
from registry_pipeline.pipeline.step import Step, refresh_lock, remove_files
from registry_pipeline.pipeline.step_keys import sources_digest, staging_digest
from registry_pipeline.pipeline.too_large import together_within_memory, within_memory
from registry_pipeline.store.parquet import read_parquet, write_parquet, write_rows

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
MOST_BYTES = 60 * 2**20
"""Of files as received of facilities that are typed together: their records are in memory at the same time."""


@dataclass(frozen=True)
class Typed:
    """What a facility sent, typed before it is stored.

    Attributes:
        fingerprint: of what it was typed by.
    """

    fingerprint: str
    staged: Staged


def stage_together(
    context: RefreshContext,
    facility_ids: Sequence[str],
    force: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, dict[str, int]]:
    """Stage facilities; small ones of the same sources are typed together. Facility -> table -> number of staged rows."""

    def stage_one(facility_id: str, typed: Typed | None) -> dict[str, int]:
        progress(f"staging {facility_id}")
        return stage(context, facility_id, force, typed)

    return worked_together(
        _of_same_sources(context, facility_ids, force), partial(_typed, context), stage_one
    )


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
    remove_files(folder)
    for table, frame in staged.tables.items():
        write_rows(frame, layout.staged_table(facility_id, table))
    for name in STAGED_FRAMES:
        write_rows(getattr(staged, name), layout.staged_frame(facility_id, name))
    write_parquet(staged.coercions, layout.staged_frame(facility_id, "coercions"))  # SQL reads it
    columns = [[*key, value] for key, value in staged.source_columns.items()]
    write_json(columns, folder / "_source_columns.json", is_noted=True)
    write_json(dict(staged.judged), folder / "_judged.json", is_noted=True)
    return {table: frame.height for table, frame in staged.tables.items()}


def rows_read(context: RefreshContext, facility_id: str) -> int:
    """Rows of all files of a facility, as counted when they were staged."""
    sheets = read_parquet(context.whole(context.layout.staged_frame(facility_id, "sheets")))
    return int(sheets.get_column("n_read").sum())


def _of_same_sources(
    context: RefreshContext, facility_ids: Sequence[str], force: bool
) -> Iterator[list[str]]:
    """Facilities that declare the same sources and have something to stage; the others one by one."""

    def sources(facility_id: str) -> str | None:
        is_new = force or not staging_step(context, facility_id).is_done()
        has_room = len(context.ledgers[facility_id]) < MOST_FILES
        if not (is_new and has_room and can_be_stacked(context.facility(facility_id))):
            return None
        return sources_digest(context, facility_id)

    sent = {name: sum(file.n_bytes for file in context.ledgers[name]) for name in facility_ids}
    return grouped(facility_ids, sources, sent.__getitem__, MOST_BYTES)


def _typed(context: RefreshContext, alike: Sequence[str]) -> dict[str, Typed]:
    """What the facilities sent, typed; nothing where that fails, for each to be staged and its fault found alone."""
    digests = [staging_step(context, facility_id).fingerprint for facility_id in alike]
    facilities = [context.facility(facility_id) for facility_id in alike]
    try:
        with together_within_memory(context, alike):
            staged = stage_alike(context.home, facilities, context.settings)
    except (OSError, StoreError, ConfigurationError, MemoryInterrupt):
        return {}
    return dict(zip(alike, map(Typed, digests, staged), strict=True))
