"""Which releases stay: pinning, and removing what is not wanted any longer.

Belongs here: marks of pinned releases, choosing what goes, removing it so that a crash leaves nothing half.
Does not belong here: making and serving releases (``release.py``, ``releases.py``).

Readers are not disturbed: an open connection keeps its file until it is closed.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from registry_pipeline.core.files import BUILDING, sync, write_text
from registry_pipeline.core.home import Home
from registry_pipeline.store.releases import (
    choose_release,
    created_at,
    current_release,
    offered_file,
    release_folder,
    release_ids,
)

PINNED = ".pinned"


@dataclass(frozen=True)
class Retention:
    """What is to stay; a limit that is None does not count.

    Attributes:
        keep: the newest so many releases.
        days: releases of the last so many days.
        max_bytes: the oldest go until all together are no larger.
    """

    keep: int | None = None
    days: float | None = None
    max_bytes: float | None = None


def pin(home: Home, release_id: str, reason: str = "") -> None:
    """Keep a release from being pruned. To be called by the one who holds the store's lock.

    Raises:
        NoRelease: there is no such release.
    """
    write_text(f"{reason}\n", _mark(home, choose_release(home, release_id)))


def unpin(home: Home, release_id: str) -> None:
    """Let a release be pruned again; one that is not pinned stays as it is.

    Raises:
        NoRelease: there is no such release.
    """
    _mark(home, choose_release(home, release_id)).unlink(missing_ok=True)


def pinned(home: Home) -> set[str]:
    """The pinned releases."""
    return {path.name.removesuffix(PINNED) for path in home.releases.glob(f"*{PINNED}")} & set(
        release_ids(home)
    )


def release_bytes(home: Home, release_id: str) -> int:
    """Size of everything in a release's folder."""
    files = [path for path in release_folder(home, release_id).rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files)


def to_prune(home: Home, limits: Retention, needed: Collection[str] = ()) -> list[str]:
    """The releases that would go, oldest first. The served one, pinned ones and those needed stay.

    Args:
        needed: releases that the next refresh compares with.
    """
    ids = release_ids(home)
    staying = {current_release(home), *pinned(home), *needed}
    free = [release_id for release_id in ids if release_id not in staying]
    gone = set(ids[: -limits.keep]) & set(free) if limits.keep else set()
    if limits.days is not None:
        oldest = datetime.now(UTC) - timedelta(days=limits.days)
        gone |= {release_id for release_id in free if created_at(release_id) < oldest}
    if limits.max_bytes is not None:
        total = sum(release_bytes(home, release_id) for release_id in ids if release_id not in gone)
        for release_id in [free_id for free_id in free if free_id not in gone]:
            if total <= limits.max_bytes:
                break
            gone.add(release_id)
            total -= release_bytes(home, release_id)
    return [release_id for release_id in free if release_id in gone]


def remove_releases(home: Home, release_ids_: Collection[str]) -> None:
    """Remove releases. To be called by the one who holds the store's lock."""
    for release_id in release_ids_:
        folder = release_folder(home, release_id)
        leaving = folder.with_name(
            folder.name + BUILDING
        )  # what a crash leaves of it is swept by the next refresh
        folder.rename(leaving)
        sync(home.releases)
        shutil.rmtree(leaving, ignore_errors=True)
        offered_file(home, release_id).unlink(missing_ok=True)


def _mark(home: Home, release_id: str) -> Path:
    return home.releases / f"{release_id}{PINNED}"
