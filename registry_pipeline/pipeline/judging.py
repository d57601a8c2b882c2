"""Staging and screening facilities, small ones judged together.

Belongs here: which facilities are judged side by side. Does not belong here: the steps (``pipeline/facility.py``), why it
is cheaper (``validation/screening/cross_table.py``).
"""

from collections.abc import Callable, Iterator, Sequence

from registry_pipeline.core.files import json_digest
from registry_pipeline.core.memory import MemoryInterrupt
from registry_pipeline.core.working_files import DamagedFile
from registry_pipeline.pipeline import facility
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.validation.screening.screen import judge_together

MOST_BYTES = 30 * 2**20
"""Of staged files of facilities that are judged together: their records are in memory at the same time."""
MOST_TOGETHER = 25


def judge_facilities(
    context: RefreshContext, facility_ids: Sequence[str], force: bool, progress: Callable[[str], None]
) -> None:
    """Stage and screen facilities; to be called by the one who holds the store's lock."""
    for facility_id in facility_ids:
        progress(f"staging {facility_id}")
        facility.stage(context, facility_id, force)
    screen_together(context, facility_ids, force, progress)


def screen_together(
    context: RefreshContext,
    facility_ids: Sequence[str],
    force: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, facility.ScreeningReport]:
    """Judge facilities that are staged; small ones by the same rules share the rules between tables."""
    reports = {}
    for alike in _alike(context, facility_ids, force):
        begun = _begun(context, alike) if len(alike) > 1 else {}
        for facility_id in alike:
            progress(f"screening {facility_id}")
            reports[facility_id] = facility.screen(context, facility_id, force, begun.pop(facility_id, None))
    return reports


def _alike(context: RefreshContext, facility_ids: Sequence[str], force: bool) -> Iterator[list[str]]:
    """Facilities to judge by the same rules and the same end of observation; those that are up to date one by one."""
    by_rules: dict[str, list[str]] = {}
    for facility_id in facility_ids:
        if force or not facility.screening_step(context, facility_id).is_done():
            judged_by = (context.mapping(facility_id).data.get("rules"), context.extract_date(facility_id))
            by_rules.setdefault(json_digest(judged_by), []).append(facility_id)
        else:
            yield [facility_id]
    for alike in by_rules.values():
        yield from _small_enough(context, alike)


def _small_enough(context: RefreshContext, facility_ids: Sequence[str]) -> Iterator[list[str]]:
    together: list[str] = []
    n_bytes = 0
    for facility_id in facility_ids:
        own = sum(path.stat().st_size for path in context.layout.staged(facility_id).glob("*.parquet"))
        if together and (n_bytes + own > MOST_BYTES or len(together) == MOST_TOGETHER):
            yield together
            together, n_bytes = [], 0
        together.append(facility_id)
        n_bytes += own
    if together:
        yield together


def _begun(context: RefreshContext, alike: Sequence[str]) -> dict[str, facility.Begun]:
    """The facilities with their records judged; none where that fails, for each to be judged and its fault found alone."""
    try:
        begun = {facility_id: facility.begin_screening(context, facility_id) for facility_id in alike}
        judge_together([own.screening for own in begun.values()])
    except (DamagedFile, MemoryInterrupt):
        return {}
    return begun
