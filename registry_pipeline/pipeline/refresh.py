"""One refresh without Dagster: everything in the inbox, to a new release.

Belongs here: the order of the steps. ``defs/`` runs the same steps as assets.
Does not belong here: the steps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from registry_pipeline.core.files import disk_errors_as_store_error
from registry_pipeline.core.home import Home
from registry_pipeline.core.memory import bounded_memory
from registry_pipeline.core.settings import Settings
from registry_pipeline.core.toml_source import ConfigurationError, nearest
from registry_pipeline.intake.landing.inbox import look_into_inbox
from registry_pipeline.intake.landing.land import LandingReport, land_inbox
from registry_pipeline.intake.landing.ledger import LEDGER
from registry_pipeline.pipeline.context import RefreshContext, read_context, read_rules
from registry_pipeline.pipeline.errors import Refused
from registry_pipeline.pipeline.lost_ledgers import check_ledgers
from registry_pipeline.pipeline.mend import mend_home
from registry_pipeline.pipeline.step import is_up_to_date, refresh_lock
from registry_pipeline.pipeline.step_keys import outdated_facilities
from registry_pipeline.pipeline.watched import inbox_signature, is_served, note_landed, note_served
from registry_pipeline.store.releases import current_release, reports_problem

Progress = Callable[[str], None]


@dataclass(frozen=True)
class JudgedInbox:
    """What was judged without a release.

    Attributes:
        landing: what became of every file of the inbox.
        facility_ids: those that were judged anew.
    """

    landing: LandingReport
    facility_ids: list[str]


@dataclass(frozen=True)
class RefreshReport:
    """What a refresh did.

    Attributes:
        landing: what became of every file of the inbox.
        release_id: the release that is served now.
        is_new: whether this refresh made it.
    """

    landing: LandingReport
    release_id: str
    is_new: bool


def refresh(
    home: Home, facilities: Sequence[str] = (), force: bool = False, progress: Progress = lambda _: None
) -> RefreshReport:
    """Land, stage, screen, curate, analyse and publish.

    Args:
        facilities: restrict reading and judging to these; the others stay as they were. All by default.
        force: do every step again, also when nothing changed.
        progress: told each step's name.

    Raises:
        Refused: the release did not pass its checks, or there is nothing to release.
        ConfigurationError: registry.toml or a mapping is wrong.
        StoreError: the disk is full, another refresh is running, or this one would take too much memory.
    """
    with refresh_lock(home):
        progress("landing")
        chosen, settings = chosen_facilities(home, facilities), home.settings()
        landing = take_in(home, chosen if facilities else (), settings)
        context = read_context(home, settings)
        if not force and has_nothing_to_do(context, facilities):
            note_served(home)
            return RefreshReport(landing, current_release(home) or "", False)
        with bounded_memory(settings.refresh.memory_limit):
            release_id, is_new = _make(context, chosen, force, progress)
        note_served(home)
        return RefreshReport(landing, release_id, is_new)


def has_nothing_to_do(context: RefreshContext, chosen: Sequence[str] = ()) -> bool:
    """Whether the served release is made of just what there is now, and has its reports.

    Args:
        chosen: the facilities that a refresh is restricted to; it leaves the others as they are. All by default.
    """
    outdated = outdated_facilities(context, chosen) if chosen else {}
    return is_up_to_date(context, outdated) and reports_problem(context.home) is None


def judge_inbox(
    home: Home, facilities: Sequence[str] = (), progress: Progress = lambda _: None
) -> JudgedInbox:
    """Land and judge what lies in the inbox, without a release; its findings are there at once.

    The next refresh makes the release of it, and judges nothing twice.

    Args:
        facilities: only these; by default every one whose files, mapping, settings or decisions have changed.

    Raises:
        ConfigurationError, StoreError, Refused: as :func:`refresh`.
    """
    from registry_pipeline.pipeline import suggestions
    from registry_pipeline.pipeline.screening import judge_facilities

    with refresh_lock(home):
        progress("landing")
        chosen, settings = chosen_facilities(home, facilities), home.settings()
        landing = take_in(home, chosen if facilities else (), settings)
        context = read_context(home, settings)
        changed = [facility_id for facility_id in outdated_facilities(context) if facility_id in chosen]
        with bounded_memory(settings.refresh.memory_limit):
            judge_facilities(context, changed, False, progress)
        suggestions.make_suggestions(context)
        return JudgedInbox(landing, changed)


def take_in(
    home: Home,
    facilities: Sequence[str] = (),
    settings: Settings | None = None,
    is_mended: bool = False,
) -> LandingReport:
    """Land what lies in the inboxes of the facilities (of all by default); says what became of every file.

    The first step of every refresh, so it also puts right what it can of the home (:func:`mend_home`).

    Args:
        settings: registry.toml, where it was read already.
        is_mended: the home has just been put right.

    Raises:
        StoreError: the disk is full, another refresh is running, or bytes or a ledger of what landed before are lost.
    """
    with refresh_lock(home), disk_errors_as_store_error(home.landing / LEDGER):
        if not is_mended:
            mend_home(home)
        settings, inbox = settings or home.settings(), look_into_inbox(home)
        signature = inbox_signature(home, inbox)
        if not is_served(home, signature):
            read_rules(home, settings)  # an override that cannot hold is refused before anything is read
        report = land_inbox(home, settings, facilities=facilities, inbox=inbox)
        check_ledgers(home)  # what is in the inbox again has one
        is_whole = not report.waiting and set(facilities or home.facility_ids()) >= set(home.facility_ids())
        note_landed(home, signature if is_whole else None)
        return report


def _make(
    context: RefreshContext, chosen: Sequence[str], force: bool, progress: Progress
) -> tuple[str, bool]:
    """Every step after landing. Imported here: a refresh with nothing new needs none of it."""
    from registry_pipeline.pipeline import release as publication

    make_tables(context, chosen, force, progress)
    progress("release")
    report = publication.publish(context, force)
    return report.release_id, report.is_new


def make_tables(context: RefreshContext, chosen: Sequence[str], force: bool, progress: Progress) -> None:
    """Every table of the store, from what has landed; to be called by the one who holds the store's lock.

    Raises:
        Refused, StoreError, ConfigurationError: as :func:`refresh`.
    """
    from registry_pipeline.pipeline import registry
    from registry_pipeline.pipeline.screening import judge_facilities

    judge_facilities(context, chosen, force, progress)
    progress("curated and mart tables")
    registry.curate(context, force)
    registry.build_mart(context, force)
    registry.judge(context, force)
    registry.analyse(context, force, progress)


def chosen_facilities(home: Home, facilities: Sequence[str]) -> list[str]:
    """The facilities to refresh.

    Raises:
        Refused: there is no facility yet.
        ConfigurationError: one that was named has no mapping.
    """
    facility_ids = home.facility_ids()
    if not facility_ids:
        raise Refused(
            f"no facility has a mapping yet; draft one with: registry facility new ID --from FILES, or put one "
            f"into {home.facilities}"
        )
    for facility_id in sorted(set(facilities) - set(facility_ids)):
        raise ConfigurationError(
            home.facilities, None, f"no mapping for {facility_id}{nearest(facility_id, facility_ids)}"
        )
    return sorted(facilities) if facilities else facility_ids
