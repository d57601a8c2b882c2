"""Who did what: a log of commands and runs, append-only and chained by keyed hashes.

Belongs here: appending an entry, reading and proving the chain.
Does not belong here: decisions on findings, which have a ledger of their own (``validation/decisions``).

An entry that is changed, removed or put in between breaks the chain; where it ends is noted apart
(``core/chain_head.py``). A line that a power cut left half-written is in no head, and goes. No value of a record
stands in it.
"""

from __future__ import annotations

import getpass
import hashlib
import hmac
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

from registry_pipeline.core.chain_head import (
    SECRETS,
    ChainCut,
    appending,
    check_heads,
    head_path,
    read_heads,
    write_head,
)
from registry_pipeline.core.files import StoreError, disk_errors_as_store_error, write_text
from registry_pipeline.core.home import Home
from registry_pipeline.core.native_panics import panics_as_exceptions
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.pipeline.errors import InternalFailure, Refused
from registry_pipeline.store.releases import current_release

LOG = "audit.jsonl"
BEGUN, DONE, REFUSED = "begun", "done", "refused"
"""Outcomes. What has begun and has no later outcome still runs, or was killed."""
BEGIN_ANEW = "or go on with a new log: registry audit --begin-anew --by NAME --reason TEXT"
LONGEST_DETAILS = 500
"""Characters of what describes an entry; people write some of it."""


@dataclass(frozen=True)
class AuditEntry:
    """One thing that was done.

    Attributes:
        entry_no: from 1.
        at: ISO time, UTC.
        who: account of the operating system.
        action: ``refresh``, ``backup``, …
        outcome: ``begun``, ``done`` or ``refused``.
        release_id: the release that was served afterwards, or that was meant; empty without one.
        details: what else describes it.
        chain_hash: of this entry and the one before.
    """

    entry_no: int
    at: str
    who: str
    action: str
    outcome: str
    release_id: str
    details: str
    chain_hash: str = ""


def audit_log(home: Home) -> Path:
    """Where the log lies."""
    return home.root / LOG


def record(
    home: Home, action: str, outcome: str = DONE, release_id: str = "", details: str = ""
) -> AuditEntry:
    """Append an entry, long details cut; it is on the disk when this returns.

    Raises:
        StoreError: the disk is full, or the log is damaged.
    """
    path = audit_log(home)
    with disk_errors_as_store_error(path), appending(path), _opened_for_appending(path) as handle:
        entries = _parsed(path, home.key())
        os.ftruncate(handle, _whole_bytes(path))
        entry = _entry(home, entries, action, outcome, release_id, details)
        os.write(handle, _line(entry).encode())
        os.fsync(handle)
        write_head(path, entry.entry_no, entry.chain_hash, home.key(), [*entries, entry][0].chain_hash)
    return entry


def _entry(
    home: Home, before: Sequence[AuditEntry], action: str, outcome: str, release_id: str, details: str
) -> AuditEntry:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    number = len(before) + 1
    entry = AuditEntry(number, at, _account(), action, outcome, release_id, details[:LONGEST_DETAILS])
    return replace(entry, chain_hash=_chain_hash(entry, before[-1].chain_hash if before else "", home.key()))


def _line(entry: AuditEntry) -> str:
    return json.dumps(asdict(entry), ensure_ascii=False) + "\n"


def begin_anew(home: Home, by: str, reason: str) -> Path | None:
    """Set a damaged log aside and begin a new one, whose first entry says so; gives where the damaged one lies now.

    Where it was damaged it cannot be written anew, and that of a backup lacks what releases made since say of it: no
    refresh would ever begin again.

    Raises:
        ConfigurationError: the log is whole.
        StoreError: the disk is full or the folder cannot be written.
    """
    path = audit_log(home)
    with disk_errors_as_store_error(path), appending(path):
        try:
            _parsed(path, home.key())
        except StoreError:
            pass
        else:
            raise ConfigurationError(path, None, "is what was written; nothing was changed")
        aside = path.with_name(f"{path.stem}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{path.suffix}")
        if is_there := path.exists():
            path.rename(aside)
        details = f"begun anew by {by}; the log before: {aside.name if is_there else 'gone'}; {reason}"
        entry = _entry(home, (), "audit", DONE, current_release(home) or "", details)
        write_text(_line(entry), path)
        write_head(path, 1, entry.chain_hash, home.key(), entry.chain_hash)
    return aside if is_there else None


@contextmanager
def recorded(
    home: Home, action: str, release_id: str = "", details: str = "", frees_room: bool = False
) -> Iterator[None]:
    """What the block does, recorded before it begins and when it has ended: a kill in between leaves the first entry.

    Args:
        frees_room: a full disk, which takes no entry, keeps nobody from doing it; then the last entry alone tells it.

    Raises:
        Exception: as it came from the block, which counts as refused; StoreError: the log is damaged.
    """
    try:
        record(home, action, BEGUN, release_id, details)
    except StoreError:
        if not frees_room:
            raise
        read_audit_log(home)  # a damaged one refuses
    try:
        with panics_as_exceptions():
            yield
    except Exception:
        with suppress(StoreError, ConfigurationError):  # what stopped it is what is to be told
            record(home, action, REFUSED, release_id, details)
        raise
    record(home, action, DONE, release_id, details)


def last_ended(entries: Sequence[AuditEntry], action: str) -> AuditEntry | None:
    """The last entry of an action that tells how it ended."""
    ended = (entry for entry in reversed(entries) if entry.action == action and entry.outcome != BEGUN)
    return next(ended, None)


def unfinished(entries: Sequence[AuditEntry], action: str) -> AuditEntry | None:
    """The last entry of an action, where it has begun and not ended: it still runs, or was killed.

    What ran while the backup was made of which a home is restored runs in another home.
    """
    here = takewhile(lambda entry: entry.action != "restore", reversed(entries))
    last = next((entry for entry in here if entry.action == action), None)
    return last if last is not None and last.outcome == BEGUN else None


@contextmanager
def recorded_refresh(home: Home) -> Iterator[None]:
    """A refresh, recorded when it begins and as done or refused; none is made that could not be recorded.

    Raises:
        Refused, StoreError, ConfigurationError, InternalFailure: as they came, or the log is damaged.
    """
    record(home, "refresh", BEGUN, current_release(home) or "")
    try:
        yield
    except (Refused, StoreError, ConfigurationError, InternalFailure) as problem:
        with suppress(StoreError, ConfigurationError):  # what stopped the refresh is what is to be told
            record(home, "refresh", REFUSED, current_release(home) or "", str(problem))
        raise
    record(home, "refresh", DONE, current_release(home) or "")


def record_served_release(home: Home) -> None:
    """Record the served release where the refresh that made it was killed before it could.

    Raises:
        StoreError: the disk is full, or the log is damaged.
    """
    release_id = current_release(home)
    if release_id and all(entry.release_id != release_id for entry in read_audit_log(home)):
        record(home, "refresh", DONE, release_id, "the refresh ended before it could be recorded")


def read_audit_log(home: Home) -> list[AuditEntry]:
    """Every entry, oldest first.

    Raises:
        StoreError: the log is not what was written; names the first entry that is not.
    """
    return _parsed(audit_log(home), home.key())


def _whole_bytes(path: Path) -> int:
    """Length of the log up to its last whole line."""
    return path.read_bytes().rfind(b"\n") + 1


def _parsed(path: Path, key: bytes) -> list[AuditEntry]:
    try:
        heads = read_heads(path, key)
        entries = _chained(path, key)
        check_heads(path, heads, [entry.chain_hash for entry in entries])
    except ChainCut as problem:
        raise StoreError(f"{problem}; {BEGIN_ANEW}") from None
    return entries


def _chained(path: Path, key: bytes) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    before = ""
    lines = path.read_bytes()[: _whole_bytes(path)].splitlines() if path.exists() else []
    for number, line in enumerate(lines, start=1):
        try:
            entry = AuditEntry(**json.loads(line))
            is_whole = entry.entry_no == number
        except (ValueError, TypeError):
            is_whole = False
        if not is_whole or not hmac.compare_digest(entry.chain_hash, _chain_hash(entry, before, key)):
            raise ChainCut(
                f"{path}: entry {number} is not what was written; restore it and {SECRETS}/{head_path(path).name} from the backup"
            )
        entries.append(entry)
        before = entry.chain_hash
    return entries


def _chain_hash(entry: AuditEntry, before: str, key: bytes) -> str:
    content = json.dumps([before, asdict(replace(entry, chain_hash=""))], sort_keys=True)
    return hmac.new(key, content.encode(), hashlib.sha256).hexdigest()


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name
        return str(os.getuid())


@contextmanager
def _opened_for_appending(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)
