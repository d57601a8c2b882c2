"""Files of which a new release would know nothing any more, or which would count again, because a ledger is not the one that was.

Belongs here: comparing the ledgers of received files with those that the served release was made of. Does not belong here: landed
bytes (``intake/landing/integrity.py``), facilities whose mapping was taken away, which is somebody's will.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import Home
from registry_pipeline.intake.landing.ledger import ledger_path, read_entries, read_ledger, withdrawn_bytes
from registry_pipeline.store.inputs import kept_copy
from registry_pipeline.store.releases import current_release, release_folder


def check_ledgers(home: Home) -> None:
    """Refuse to go on where a ledger is gone or older than the one of the served release: entries are only ever added.

    Without it the facility counts as one that has never sent anything, or has sent less, and its patients would be in no
    new release; a file that was withdrawn since would count again.

    Raises:
        StoreError: names the ledger.
    """
    release_id = current_release(home)
    if release_id is None:
        return
    release = release_folder(home, release_id)
    for facility_id in home.facility_ids():
        path = ledger_path(home, facility_id)
        problem = _problem(home, facility_id, path, kept_copy(home, release, path))
        if problem is not None:
            raise StoreError(f"{path}: {problem}")


def _problem(home: Home, facility_id: str, path: Path, copy: Path) -> str | None:
    with suppress(OSError):
        if not copy.is_file() or copy.read_bytes() == path.read_bytes():
            return None
    try:
        before = read_entries(copy)
    except (OSError, ValueError, TypeError, KeyError):
        return None  # a damaged release is told elsewhere
    restore = "restore landing/ from the backup"
    if before and not path.is_file():
        return f"is gone, and the served release holds what {facility_id} sent; {restore}, or put its files into the inbox again"
    now = read_ledger(home, facility_id)
    if lost := {landed.sha256 for landed in before} - {landed.sha256 for landed in now}:
        return f"lacks files that the served release knows: {len(lost)}; {restore}, or put them into the inbox again"
    if again := withdrawn_bytes(before).keys() - withdrawn_bytes(now).keys():
        return (
            f"files that were withdrawn count again: {len(again)}; {restore}, or withdraw them again: "
            f"registry landing withdraw {facility_id} FILE"
        )
    return None
