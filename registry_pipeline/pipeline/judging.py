"""Staging and screening facilities, small ones typed and judged together.

Belongs here: which facilities are typed and judged side by side. Does not belong here: the steps
(``pipeline/facility.py``), how (``core/side_by_side.py``, ``validation/screening/cross_table.py``).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from registry_pipeline.core.files import StoreError, json_digest
from registry_pipeline.core.memory import MemoryInterrupt
from registry_pipeline.core.side_by_side import MOST_FILES
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.core.working_files import DamagedFile
from registry_pipeline.intake.stage import can_be_stacked, stage_alike
from registry_pipeline.pipeline import facility
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.screening_report import ScreeningReport
from registry_pipeline.pipeline.step import is_whole, sources_digest
from registry_pipeline.pipeline.too_large import together_within_memory

MOST_BYTES = 60 * 2**20
"""Of files as received of facilities that are typed together: their records are in memory at the same time."""
MOST_STAGED_BYTES = 100 * 2**20
"""Of staged files of facilities that are judged together: a third of what 100,000 patients have."""
MOST_TOGETHER = 25
Begun = TypeVar("Begun")
Ended = TypeVar("Ended")


def judge_facilities(
    context: RefreshContext, facility_ids: Sequence[str], force: bool, progress: Callable[[str], None]
) -> None:
    """Stage and screen facilities; to be called by the one who holds the store's lock."""
    stage_together(context, facility_ids, force, progress)
    screen_together(context, facility_ids, force, progress)


def stage_together(
    context: RefreshContext,
    facility_ids: Sequence[str],
    force: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, dict[str, int]]:
    """Stage facilities; small ones of the same sources are typed together. Facility -> table -> number of staged rows."""

    def stage(facility_id: str, typed: facility.Typed | None) -> dict[str, int]:
        progress(f"staging {facility_id}")
        return facility.stage(context, facility_id, force, typed)

    return _side_by_side(_of_same_sources(context, facility_ids, force), partial(_typed, context), stage)


def screen_together(
    context: RefreshContext,
    facility_ids: Sequence[str],
    force: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, ScreeningReport]:
    """Judge facilities that are staged; small ones are judged under one another where they share rules."""

    def screen(facility_id: str, judged: facility.Judged | None) -> ScreeningReport:
        progress(f"screening {facility_id}")
        return facility.screen(context, facility_id, force, judged)

    return _side_by_side(_of_same_rules(context, facility_ids, force), partial(_judged, context), screen)


def _side_by_side(
    groups: Iterable[list[str]],
    begin: Callable[[Sequence[str]], dict[str, Begun]],
    end: Callable[[str, Begun | None], Ended],
) -> dict[str, Ended]:
    """Facility -> what its work gives, which the facilities of a group begin together and each ends by itself."""
    results = {}
    for alike in groups:
        begun = begin(alike) if len(alike) > 1 else {}
        for facility_id in alike:
            results[facility_id] = end(facility_id, begun.pop(facility_id, None))
    return results


def _of_same_rules(context: RefreshContext, facility_ids: Sequence[str], force: bool) -> Iterator[list[str]]:
    """Facilities to judge by the same rules and the same end of observation; those that are up to date one by one.

    Of those together none begins with another one and a hyphen (``screening/facilities.py``).
    """

    def rules(facility_id: str) -> str | None:
        if not force and facility.screening_step(context, facility_id).is_done():
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
    return _grouped(facility_ids, rules, partial(_staged_bytes, context), MOST_STAGED_BYTES)


def n_beginnings(facility_id: str, ids: Collection[str]) -> int:
    """How many other ids an id begins with, each before a hyphen: of those with the same number none begins another."""
    return sum(facility_id[:at] in ids for at, sign in enumerate(facility_id) if sign == "-")


def _of_same_sources(
    context: RefreshContext, facility_ids: Sequence[str], force: bool
) -> Iterator[list[str]]:
    """Facilities that declare the same sources and have something to stage; the others one by one."""

    def sources(facility_id: str) -> str | None:
        is_new = force or not facility.staging_step(context, facility_id).is_done()
        has_room = len(context.ledgers[facility_id]) < MOST_FILES
        if not (is_new and has_room and can_be_stacked(context.facility(facility_id))):
            return None
        return sources_digest(context, facility_id)

    sent = {name: sum(file.n_bytes for file in context.ledgers[name]) for name in facility_ids}
    return _grouped(facility_ids, sources, sent.__getitem__, MOST_BYTES)


def _grouped(
    facility_ids: Sequence[str], key_of: Callable[[str], str | None], size: Callable[[str], int], most: int
) -> Iterator[list[str]]:
    """Facilities of the same key, as many as are small enough together; those without a key one by one, and first."""
    by_key: dict[str, list[str]] = {}
    for facility_id in facility_ids:
        key = key_of(facility_id)
        if key is None:
            yield [facility_id]
        else:
            by_key.setdefault(key, []).append(facility_id)
    for alike in by_key.values():
        yield from _small_enough(alike, size, most)


def _typed(context: RefreshContext, alike: Sequence[str]) -> dict[str, facility.Typed]:
    """What the facilities sent, typed; nothing where that fails, for each to be staged and its fault found alone."""
    digests = [facility.staging_step(context, facility_id).fingerprint for facility_id in alike]
    facilities = [context.facility(facility_id) for facility_id in alike]
    try:
        with together_within_memory(context, alike):
            staged = stage_alike(context.home, facilities, context.settings)
    except (OSError, StoreError, ConfigurationError, MemoryInterrupt):
        return {}
    return dict(zip(alike, map(facility.Typed, digests, staged), strict=True))


def _staged_bytes(context: RefreshContext, facility_id: str) -> int:
    return sum(path.stat().st_size for path in context.layout.staged(facility_id).glob("*"))


def _small_enough(facility_ids: Sequence[str], size: Callable[[str], int], most: int) -> Iterator[list[str]]:
    together: list[str] = []
    n_bytes = 0
    for facility_id in facility_ids:
        own = size(facility_id)
        if together and (n_bytes + own > most or len(together) == MOST_TOGETHER):
            yield together
            together, n_bytes = [], 0
        together.append(facility_id)
        n_bytes += own
    if together:
        yield together


def _judged(context: RefreshContext, alike: Sequence[str]) -> dict[str, facility.Judged]:
    """The facilities with their records judged; none where that fails, for each to be judged and its fault found alone."""
    try:
        with together_within_memory(context, alike):
            return facility.judge(context, alike)
    except (DamagedFile, MemoryInterrupt):
        return {}


def screen_damaged(context: RefreshContext) -> None:
    """Judge again what the store holds of facilities that this refresh did not look at, where it is damaged."""
    layout = context.layout
    for facility_id in context.senders:
        folders = (layout.staged(facility_id), layout.screened(facility_id))
        if folders[1].is_dir() and not all(is_whole(folder, context.finished) for folder in folders):
            facility.screen(context, facility_id)
