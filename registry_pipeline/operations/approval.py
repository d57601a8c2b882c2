"""Who has released a release's ``analyst.duckdb``, and the folder in which analysts find it.

Belongs here: approving, withdrawing, offering. Does not belong here: what is in the file (``pipeline/analyst``).

What is approved is what the audit log says; the folder follows from it and holds the sealed files themselves, by links.
Of what was killed in the middle the log has the beginning: an approval that has not ended counts for none, a withdrawal
that has begun counts, and the next command makes the folder follow.
"""

from __future__ import annotations

import os
from pathlib import Path

from registry_pipeline.core.files import StoreError, disk_errors_as_store_error, sha256_of, sync
from registry_pipeline.core.home import Home
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.operations.audit import BEGUN, DONE, AuditEntry, read_audit_log, recorded
from registry_pipeline.store.integrity import damaged_files
from registry_pipeline.store.releases import (
    ANALYST_DATABASE,
    ANALYST_FAILED,
    choose_release,
    offered_file,
    release_folder,
    release_ids,
)

APPROVE, WITHDRAW = "approve", "withdraw"


def analyst_file(home: Home, release_id: str | None) -> Path:
    """The analysts' database of a release, approved or not.

    Raises:
        NoRelease: there is no such release.
        ConfigurationError: the release has none; says why.
        StoreError: it is not what was sealed.
    """
    folder = release_folder(home, choose_release(home, release_id))
    path = folder / ANALYST_DATABASE
    if (failure := folder / ANALYST_FAILED).is_file():
        raise ConfigurationError(failure, None, failure.read_text(encoding="utf-8").strip())
    if not path.is_file():
        why = "is not there: the release was made without it ([analyst] is_written, or before there was one)"
        raise ConfigurationError(path, None, f"{why}; the next refresh that makes a release writes it")
    if damaged_files(home, folder.name, only=ANALYST_DATABASE):
        raise StoreError(f"{path}: is not what was sealed; approve another release")
    return path


def approve(home: Home, release_id: str | None, name: str) -> Path:
    """Release a release's analysts' database under a person's name; gives where analysts find it.

    Raises:
        NoRelease, ConfigurationError, StoreError: as :func:`analyst_file`.
    """
    path = analyst_file(home, release_id)
    details = f"{ANALYST_DATABASE} by {name}, sha256 {sha256_of(path)}"
    offer_approved(home)
    with recorded(home, APPROVE, path.parent.name, details):
        return _offer(home, path.parent.name)


def withdraw(home: Home, release_id: str, name: str, reason: str) -> None:
    """Offer a release to analysts no longer. Copies that somebody has made are not touched.

    Raises:
        ConfigurationError: it is not approved.
    """
    offered = offered_file(home, release_id)
    is_offered = release_id in release_ids(home) and offered.is_file()  # as what was killed may have left it
    if release_id not in approvals(home) and not is_offered:
        raise ConfigurationError(offered, None, "is not approved")
    details = f"{ANALYST_DATABASE} by {name}: {reason}"
    with recorded(home, WITHDRAW, release_id, details, frees_room=True):
        offered.unlink(missing_ok=True)
        offer_approved(home)


def approvals(home: Home) -> dict[str, AuditEntry]:
    """The releases that are approved and there, oldest first, each with the entry that says who approved it."""
    counted = {APPROVE: (DONE,), WITHDRAW: (BEGUN, DONE)}
    entries = {
        entry.release_id: entry
        for entry in read_audit_log(home)
        if entry.outcome in counted.get(entry.action, ())
    }
    return {
        release_id: entries[release_id]
        for release_id in release_ids(home)
        if release_id in entries and entries[release_id].action == APPROVE
    }


def choose_approved(home: Home, release_id: str | None) -> str:
    """An approved release, the newest one if none is named.

    Raises:
        NoRelease: there is no such release.
        ConfigurationError: it, or any, is not approved; says how it is.
    """
    approved = approvals(home)
    if release_id is None and approved:
        return max(approved)
    chosen = choose_release(home, release_id)
    if chosen not in approved:
        message = f"is not approved; look at what would leave with: registry releases approve {chosen}"
        raise ConfigurationError(analyst_file(home, chosen), None, message)
    return chosen


def offer_approved(home: Home) -> None:
    """Make the folder of analysts follow from the audit log, as after a restore or a kill."""
    approved = approvals(home)
    for path in home.analysts.glob(offered_file(home, "*").name):
        if path.stem not in approved:
            path.unlink(missing_ok=True)
    for release_id in approved:
        _offer(home, release_id)


def _offer(home: Home, release_id: str) -> Path:
    """Link a sealed file into the folder of analysts, whom its mode lets read it there."""
    source, target = release_folder(home, release_id) / ANALYST_DATABASE, offered_file(home, release_id)
    with disk_errors_as_store_error(target):
        if not home.analysts.is_dir():
            home.analysts.mkdir()
            home.analysts.chmod(0o750)  # whatever the process' mask
        if source.is_file() and not target.exists():
            source.chmod(0o444)
            os.link(source, target)
            sync(home.analysts)
    return target
