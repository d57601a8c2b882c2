"""Files of the inbox to bytes that are never written again.

Belongs here: finding, waiting for, copying and listing files as received.
Does not belong here: what the files hold (``readers/``, ``raw.py``).

The bytes of a facility lie under their SHA-256; the ledger ``submissions.json`` says which they are. Bytes
are complete on disk before the ledger names them, so a crash in between costs a second copy and nothing
else: the file is still in the inbox and lands again under the same name.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from registry_pipeline.core.files import BUILDING, sweep, sync, write_json
from registry_pipeline.core.home import Home
from registry_pipeline.core.settings import Settings
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.intake.landing.arrivals import Arrivals, source_names
from registry_pipeline.intake.landing.inbox import InboxFile, Problem, list_inbox, open_settled, settle

LEDGER = "submissions.json"
_SEEN = "seen.json"
_LOCK = ".lock"
_CHUNK = 2**20
# A full disk concerns the whole refresh, not the file that happened to be copied.
DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True)
class LandedFile:
    """A file as received; one entry of the ledger.

    Attributes:
        file_no: landing order within the facility, from 1, never used again.
        submission_no: from 1; files of one facility that arrived together have the same.
        source_file: the file's name as received.
        received_at: ISO time of landing, UTC.
    """

    facility_id: str
    file_no: int
    submission_no: int
    submission_id: str
    source_file: str
    sha256: str
    n_bytes: int
    received_at: str


@dataclass(frozen=True)
class LandingReport:
    """What became of every file of the inbox.

    Attributes:
        landed: files that are new.
        unchanged: files whose bytes had landed before.
        waiting: files that were still being written; they are looked at again next time.
        problems: everything else, one line each.
    """

    landed: list[LandedFile] = field(default_factory=list)
    unchanged: list[InboxFile] = field(default_factory=list)
    waiting: list[InboxFile] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def land_inbox(
    home: Home, settings: Settings, now: datetime | None = None, facilities: Sequence[str] = ()
) -> LandingReport:
    """Land every settled file of the inbox. Files stay in the inbox; landing them again does nothing.

    Args:
        now: time of receipt (with time zone); the clock's when not given.
        facilities: only their folders; all by default.

    Raises:
        ConfigurationError: a ledger is damaged.
    """
    received_at = (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
    report = LandingReport()
    files, problems = list_inbox(home)
    if facilities:
        files = [one for one in files if one.facility_id in facilities]
    report.problems.extend(problems)
    settled, waiting = settle(files, settings.refresh.settle_seconds)
    report.waiting.extend(waiting)
    for facility_id in dict.fromkeys(one.facility_id for one in settled):
        own = [one for one in settled if one.facility_id == facility_id]
        _land_facility(home, facility_id, own, received_at, report)
    return report


def read_ledger(home: Home, facility_id: str) -> list[LandedFile]:
    """Every file that a facility ever sent, in landing order.

    Raises:
        ConfigurationError: the ledger is no longer readable.
    """
    path = home.landing / facility_id / LEDGER
    try:
        return [LandedFile(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError):
        raise ConfigurationError(path, None, "the ledger is damaged; restore it from the backup") from None


def landed_path(home: Home, landed: LandedFile) -> Path:
    """Where the bytes of a landed file lie."""
    return home.landing / landed.facility_id / landed.sha256


def _land_facility(
    home: Home, facility_id: str, files: Sequence[InboxFile], received_at: str, report: LandingReport
) -> None:
    folder = home.landing / facility_id
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(folder):
        sweep(folder)
        ledger = read_ledger(home, facility_id)
        seen = _read_seen(folder)
        found = Arrivals(ledger, knows_inbox=bool(seen) or not ledger)
        for one in files:
            before = seen.get(one.shown_name, [""])[-1]
            sha256 = _sha256_of(folder, one, seen, report)
            if sha256 is not None:
                seen[one.shown_name] = [*one.stamp, sha256]
                found.add(one, sha256, is_arrival=sha256 != before)
        fresh, unchanged = found.divided(lambda: source_names(home, facility_id))
        report.unchanged.extend(unchanged)
        landed = _submission(facility_id, ledger, fresh, received_at)
        # First what was seen: a crash in between then only lands what the ledger does not name yet.
        write_json(seen, folder / _SEEN, indent=1)
        if landed:
            write_json([asdict(one) for one in [*ledger, *landed]], folder / LEDGER, indent=1)
        report.landed.extend(landed)


def _submission(
    facility_id: str, ledger: Sequence[LandedFile], fresh: Sequence[tuple[str, InboxFile]], received_at: str
) -> list[LandedFile]:
    submission_no = max((one.submission_no for one in ledger), default=0) + 1
    file_no = max((one.file_no for one in ledger), default=0) + 1
    digest = hashlib.sha256("".join(sorted(sha256 for sha256, _ in fresh)).encode()).hexdigest()[:8]
    return [
        LandedFile(
            facility_id=facility_id,
            file_no=file_no + position,
            submission_no=submission_no,
            submission_id=f"{facility_id}-{submission_no:04d}-{digest}",
            source_file=one.shown_name,
            sha256=sha256,
            n_bytes=one.n_bytes,
            received_at=received_at,
        )
        for position, (sha256, one) in enumerate(fresh)
    ]


def _sha256_of(
    folder: Path, one: InboxFile, seen: dict[str, list[int | str]], report: LandingReport
) -> str | None:
    """The hash of a file whose bytes lie in ``folder`` afterwards; None when it could not be taken."""
    *stamp, remembered = seen.get(one.shown_name, [""])
    if stamp == list(one.stamp) and (folder / str(remembered)).is_file():
        return str(remembered)
    try:
        sha256 = _copy(folder, one)
    except OSError as error:
        if error.errno in DISK_FULL:
            raise
        report.problems.append(one.problem(f"could not be copied ({error.strerror}); left in the inbox"))
        return None
    if sha256 is None:
        report.waiting.append(one)
    return sha256


def _copy(folder: Path, one: InboxFile) -> str | None:
    """Copy the bytes into ``folder`` under their hash; None when the file changed meanwhile."""
    building = folder / f"{os.getpid()}-{time.monotonic_ns()}{BUILDING}"
    digest = hashlib.sha256()
    try:
        with open_settled(one) as source, building.open("xb") as out:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        if not one.is_unchanged():
            return None
        building.chmod(0o400)
        building.replace(folder / digest.hexdigest())
        sync(folder)
        return digest.hexdigest()
    finally:
        building.unlink(missing_ok=True)


def _read_seen(folder: Path) -> dict[str, list[int | str]]:
    """Size and times of the files hashed before; a lost or damaged cache only costs a second hashing."""
    try:
        seen = json.loads((folder / _SEEN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return seen if isinstance(seen, dict) else {}


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Two refreshes at once must not give one number to two files."""
    with (folder / _LOCK).open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
