"""The ledger of what a facility ever sent: one entry per landed file, in landing order.

Belongs here: the entry, reading and writing the ledger, where the bytes lie, withdrawing a landed file.
Does not belong here: landing files (``land.py``), reading what they hold (``intake/raw/``).

The ledger carries the hash of its own entries, so that a flipped bit on the disk is told and never believed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from registry_pipeline.core.files import LOCK, json_digest, withheld_as_store_error, write_json
from registry_pipeline.core.home import Home
from registry_pipeline.core.locks import locked
from registry_pipeline.core.toml_source import ConfigurationError, nearest

LEDGER = "submissions.json"


@dataclass(frozen=True)
class LandedFile:
    """A file as received; one entry of the ledger.

    Attributes:
        file_no: landing order within the facility, from 1, never used again.
        submission_no: from 1; files of one facility that arrived together have the same.
        source_file: the file's name as received.
        received_at: ISO time of landing, UTC.
        withdrawn_at, withdrawn_by, withdrawal_reason: when (ISO time, UTC), by whom and why the file was
            withdrawn; empty for a file that counts.
        too_large_for: the ``refresh.memory_limit`` within which its rows could not be judged: as long as it is set,
            none of them counts.
    """

    facility_id: str
    file_no: int
    submission_no: int
    submission_id: str
    source_file: str
    sha256: str
    n_bytes: int
    received_at: str
    withdrawn_at: str = ""
    withdrawn_by: str = ""
    withdrawal_reason: str = ""
    too_large_for: str = ""

    @property
    def is_withdrawn(self) -> bool:
        """Whether none of its rows may be used."""
        return bool(self.withdrawn_at)


def read_ledger(home: Home, facility_id: str) -> list[LandedFile]:
    """Every file that a facility ever sent, in landing order.

    Raises:
        ConfigurationError: the ledger is no longer readable or not what was written.
        StoreError: the system withholds it; it may be whole.
    """
    path = ledger_path(home, facility_id)
    try:
        with withheld_as_store_error(path):
            status = path.stat()
            state = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            return list(_read_ledger(path, state))
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError):
        raise ConfigurationError(path, None, "the ledger is damaged; restore it from the backup") from None


@lru_cache(maxsize=10_000)
def _read_ledger(path: Path, state: tuple[int, ...]) -> tuple[LandedFile, ...]:
    """The entries of a ledger, read once in this process as long as the system says that nothing wrote to it."""
    return read_entries(path)


def read_entries(path: Path) -> tuple[LandedFile, ...]:
    """The entries of a ledger, wherever a copy of it lies.

    Raises:
        OSError, ValueError, TypeError, KeyError: it cannot be read, or is not what was written.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    entries = content["files"] if isinstance(content, dict) else content  # a list in older homes
    if isinstance(content, dict) and content["digest"] != json_digest(entries):
        raise ValueError("the entries are not those that were written")
    return tuple(LandedFile(**entry) for entry in entries)


def withdrawn_bytes(files: Sequence[LandedFile]) -> dict[str, str]:
    """SHA-256 of bytes of which nothing counts -> the day on which they were withdrawn."""
    counted = {landed.sha256 for landed in files if not landed.is_withdrawn}
    return {
        landed.sha256: landed.withdrawn_at[:10]
        for landed in files
        if landed.is_withdrawn and landed.sha256 not in counted
    }


def write_ledger(home: Home, facility_id: str, files: Sequence[LandedFile]) -> None:
    """Replace a facility's ledger, whole or not at all; to be called under :func:`landing_lock`."""
    entries = [asdict(landed) for landed in files]
    write_json(
        {"digest": json_digest(entries), "files": entries}, home.landing / facility_id / LEDGER, indent=1
    )


@lru_cache(maxsize=10_000)
def ledger_path(home: Home, facility_id: str) -> Path:
    """Where a facility's ledger lies."""
    return home.landing / facility_id / LEDGER


def landed_path(home: Home, landed: LandedFile) -> Path:
    """Where the bytes of a landed file lie."""
    return home.landing / landed.facility_id / landed.sha256


@contextmanager
def landing_lock(folder: Path) -> Iterator[None]:
    """Hold a facility's landing folder: two refreshes at once must not give one number to two files."""
    with locked(folder / LOCK):
        yield


def withdraw(
    home: Home, facility_id: str, name: str, by: str, reason: str, now: datetime | None = None
) -> list[LandedFile]:
    """Take landed files out of every later release; their bytes and their entries stay.

    Args:
        name: the file's name as received, or the beginning of its SHA-256 (8 digits or more) where the name was
            used several times and one delivery is meant.
        by: who decided it. reason: why; both are kept with the entry.
        now: the time of the withdrawal (with time zone); the clock's when not given.

    Returns:
        The entries that were withdrawn.

    Raises:
        ConfigurationError: no such file landed, or it is withdrawn already.
    """
    path = ledger_path(home, facility_id)
    if not path.is_file():
        facility_ids = home.facility_ids()
        message = f"nothing has landed of facility {facility_id}{nearest(facility_id, facility_ids)}"
        raise ConfigurationError(home.landing, None, message)
    withdrawn_at = (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
    with landing_lock(path.parent):
        files = read_ledger(home, facility_id)
        matches = [landed for landed in files if _is_meant(landed, name)]
        if not matches:
            hint = nearest(name, [landed.source_file for landed in files])
            raise ConfigurationError(path, None, f"no file of this name or hash has landed{hint}")
        open_matches = [landed for landed in matches if not landed.is_withdrawn]
        if not open_matches:
            raise ConfigurationError(path, None, "the file is withdrawn already; nothing was changed")
        withdrawn = {
            landed.file_no: replace(
                landed, withdrawn_at=withdrawn_at, withdrawn_by=by, withdrawal_reason=reason
            )
            for landed in open_matches
        }
        write_ledger(home, facility_id, [withdrawn.get(landed.file_no, landed) for landed in files])
    return list(withdrawn.values())


def _is_meant(landed: LandedFile, name: str) -> bool:
    return landed.source_file == name or (len(name) >= 8 and landed.sha256.startswith(name.lower()))
