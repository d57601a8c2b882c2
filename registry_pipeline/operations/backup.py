"""A copy of a home from which it can be made again, on this machine or another.

Belongs here: what is copied, in which order, proving the copy, restoring it.
Does not belong here: the key of the pseudonyms, which is kept apart: who has both can undo the pseudonyms.

A refresh may run meanwhile. Landed bytes and releases are never written again; what names them (ledgers, decisions) is
replaced atomically, and is copied before the bytes that it names, or after the releases that it must cover.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from registry_pipeline.core.chain_head import SUFFIX as HEAD
from registry_pipeline.core.files import (
    BUILDING,
    LOCK,
    StoreError,
    disk_errors_as_store_error,
    sync,
    system_refusal,
)
from registry_pipeline.core.home import Home, make_home, open_home
from registry_pipeline.core.locks import locked
from registry_pipeline.core.sqlite_errors import sqlite_reason
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.intake.landing.integrity import check_landed
from registry_pipeline.intake.landing.ledger import LEDGER
from registry_pipeline.operations.alerts.alerts_file import FILE as ALERTS
from registry_pipeline.operations.approval import offer_approved
from registry_pipeline.operations.audit import audit_log, record, recorded
from registry_pipeline.pipeline.lost_ledgers import check_ledgers
from registry_pipeline.store.integrity import read_checksums, unlike_checksums, write_checksums
from registry_pipeline.store.releases import (
    CHECKSUMS,
    current_release,
    release_folder,
    release_ids,
    switch,
    unserved_mark,
)
from registry_pipeline.store.retention import PINNED

SERVED = "served_release"
_MAY_CHANGE = (LEDGER, LOCK)


def back_up(home: Home, target: Path) -> Path:
    """Copy a home into a new folder of ``target``; gives that folder.

    Working files are left out (the next refresh makes them again), and the key. It stands in the audit log from its
    beginning, and its copy of the log says that it has begun.

    Raises:
        StoreError: the disk is full, the folder cannot be written, or bytes that landed are lost.
        ConfigurationError: ``target`` lies in the home.
    """
    target = target.expanduser().resolve()
    if target.is_relative_to(home.root):
        raise ConfigurationError(target, None, "lies in the home itself; a backup belongs on another disk")
    folder = target / f"registry-backup-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    building = folder.with_name(folder.name + BUILDING)
    with recorded(home, "backup", details=folder.name), disk_errors_as_store_error(folder / CHECKSUMS):
        check_landed(home)
        check_ledgers(home)
        _sweep_killed(target)
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = building.with_name(building.name + LOCK)
        with locked(lock, waits=False):
            building.mkdir(mode=0o700)
            try:
                _copy_home(home, building)
                write_checksums(building)
                building.rename(folder)
                sync(target)
            finally:
                shutil.rmtree(building, ignore_errors=True)
                lock.unlink(missing_ok=True)
    return folder


def _sweep_killed(target: Path) -> None:
    """Remove what killed backups left in a folder; another one may be running there: it locks its file first."""
    for lock in sorted(target.glob(f"registry-backup-*{BUILDING}{LOCK}")):
        with suppress(BlockingIOError, FileNotFoundError), locked(lock, waits=False, creates=False):
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink(missing_ok=True)


def _copy_home(home: Home, folder: Path) -> None:
    served = current_release(home)
    # before the ledgers: a head must not be ahead of its ledger
    _copy(home.root, folder, sorted(home.key_file.parent.glob(f"*{HEAD}")))
    for release_id in release_ids(home):
        _copy(home.root, folder, _files(release_folder(home, release_id)))
    (folder / SERVED).write_text(served or "", encoding="utf-8")
    for ledger in sorted(home.landing.glob(f"*/{LEDGER}")):
        _copy(home.root, folder, [ledger])
    _copy(home.root, folder, (path for path in _files(home.landing) if path.name not in _MAY_CHANGE))
    small = [
        home.settings_file,
        home.root / ALERTS,
        home.key_check_file,
        audit_log(home),
        *sorted(home.root.glob(f"{audit_log(home).stem}-*")),  # damaged ones that were set aside
        *sorted(home.facilities.glob("*.toml")),
        *sorted(home.releases.glob(f"*{PINNED}")),
    ]
    _copy(home.root, folder, (path for path in small if path.is_file()))
    if home.decisions.is_file():  # after the releases: the ledger has to hold every decision that they do
        _copy_ledger(home.decisions, folder / home.decisions.name)


def _copy_ledger(path: Path, copy: Path) -> None:
    try:
        with closing(sqlite3.connect(path)) as ledger_now, closing(sqlite3.connect(copy)) as ledger_copy:
            ledger_now.backup(ledger_copy)
    except sqlite3.Error as problem:
        if system_refusal(problem) is not None:
            raise
        message = f"{path}: the ledger of decisions cannot be copied ({sqlite_reason(problem)})"
        raise StoreError(message) from None
    copy.chmod(0o600)


def _files(folder: Path) -> list[Path]:
    """Every file in a folder and below; of a folder that may not be listed nothing is left out in silence.

    Raises:
        OSError: one may not be listed.
    """
    found = (Path(root) / name for root, _, names in os.walk(folder, onerror=_refuse) for name in names)
    return sorted(
        path for path in found if path.is_file() and not any(BUILDING in part for part in path.parts)
    )


def _refuse(problem: OSError) -> None:
    raise problem


def _copy(root: Path, folder: Path, paths: Iterable[Path]) -> None:
    for path in paths:
        copy = folder / path.relative_to(root)
        for parent in reversed(
            path.relative_to(root).parents
        ):  # mkdir gives its mode to the last folder only
            (folder / parent).mkdir(exist_ok=True, mode=0o700)
        shutil.copyfile(path, copy)
        copy.chmod(path.stat().st_mode & 0o700)


def restore(source: Path, root: Path, key_file: Path) -> Home:
    """Make a home of a backup and the key that was kept apart.

    Args:
        source: folder that :func:`back_up` gave.
        root: the new home; must not be there yet, or be empty.
        key_file: the copy of ``secrets/pseudonym.key``.

    Raises:
        ConfigurationError: the source is no backup, the home is there already, or the key is not its key.
        StoreError: a file of the backup is missing or is not what was copied; names them.
    """
    root = root.expanduser().resolve()
    if root.exists() and any(root.iterdir()):
        raise ConfigurationError(root, None, "is there already; a backup is restored into a new folder")
    if not (source / CHECKSUMS).is_file() or not (source / SERVED).is_file():
        raise ConfigurationError(source, None, "is no backup; name the folder that registry backup made")
    if root.is_relative_to(source.resolve()):
        raise ConfigurationError(root, None, "lies in the backup itself; restore it to another place")
    if damaged := unlike_checksums(source, must_hold=SERVED):
        raise StoreError(
            f"{source}: not what was backed up: {', '.join(damaged[:10])}; take an earlier backup"
        )
    if unnamed := _unnamed(source):
        raise StoreError(
            f"{source / CHECKSUMS}: does not name {', '.join(unnamed[:10])}; move away what somebody put there, or take an "
            "earlier backup where the list was cut"
        )
    building = root.with_name(root.name + BUILDING)
    with disk_errors_as_store_error(building / CHECKSUMS):
        try:
            _restored(source, building, key_file)
            building.rename(root) if not root.exists() else building.replace(root)
            sync(root.parent)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return open_home(root)


def _unnamed(source: Path) -> list[str]:
    """Files of a backup that its list does not name: what was cut off its end would be left out in silence."""
    found = {path.relative_to(source).as_posix() for path in source.rglob("*") if not path.is_dir()}
    return sorted(found - {CHECKSUMS, *read_checksums(source)})


def _restored(source: Path, building: Path, key_file: Path) -> None:
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True, mode=0o700)
    _copy(
        source,
        building,
        (path for path in _files(source) if path.name not in (CHECKSUMS, SERVED) or path.parent != source),
    )
    home = Home(building)
    home.key_file.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        key = key_file.read_bytes()
    except OSError:
        raise ConfigurationError(
            key_file, None, "the key cannot be read; name the copy that was kept apart"
        ) from None
    with os.fdopen(os.open(home.key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(key)
    make_home(building)
    try:
        home.key()  # is compared with its check value
    except ConfigurationError:
        raise ConfigurationError(
            key_file, None, "is not the key of this backup; name the copy that was kept apart"
        ) from None
    record(home, "restore", details=source.name)  # before the home gets its name: no kill leaves one without
    served = (source / SERVED).read_text(encoding="utf-8")
    for release_id in release_ids(home):
        unserved_mark(home, release_id).unlink(missing_ok=True)
    if served:
        switch(home, served)
    offer_approved(home)
