"""Files of the inbox to bytes that are never written again.

Belongs here: finding, waiting for, copying and listing files as received.
Does not belong here: what the files hold (``readers/``, ``raw.py``).

The bytes of a facility lie under their SHA-256; the ledger ``submissions.json`` says which they are. Bytes
are complete on disk before the ledger names them, so a crash in between costs a second copy and nothing
else: the file is still in the inbox and lands again under the same name.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from registry_pipeline.core.files import (
    BUILDING,
    DISK_FULL,
    entries,
    holds_text,
    read_hashed_json,
    sweep,
    sync,
    write_hashed_json,
    write_text,
)
from registry_pipeline.core.home import Home
from registry_pipeline.core.settings import Settings
from registry_pipeline.intake.landing.arrivals import Arrivals, source_names
from registry_pipeline.intake.landing.inbox import (
    InboxFile,
    InboxFolder,
    Problem,
    list_inbox,
    open_settled,
    settle,
    stamp_of,
)
from registry_pipeline.intake.landing.integrity import check_landed, shape_problem
from registry_pipeline.intake.landing.ledger import (
    LandedFile,
    landing_lock,
    read_ledger,
    withdrawn_bytes,
    write_ledger,
)

_SEEN = "seen.json"
_LANDED_ALL = "inbox_stamps"
"""In the store: what inbox, ledgers and landed bytes looked like when everything had landed and was there."""
_CHUNK = 2**20
# A full disk concerns the whole refresh, not the file that happened to be copied.


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
    home: Home,
    settings: Settings,
    now: datetime | None = None,
    facilities: Sequence[str] = (),
    inbox: Sequence[InboxFolder] | None = None,
) -> LandingReport:
    """Land every settled file of the inbox. Files stay in the inbox; landing them again does nothing.

    Where inbox and landing look as they did when everything had landed, the facilities are not gone through.

    Args:
        now: time of receipt (with time zone); the clock's when not given.
        facilities: only their folders; all by default.
        inbox: what lies in the inbox, where it was just looked at.

    Raises:
        ConfigurationError: a ledger is damaged.
        StoreError: the disk is full, or bytes that landed before are lost and do not lie in the inbox.
    """
    received_at = (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
    report = LandingReport()
    files, problems = list_inbox(home, inbox)
    if facilities:
        files = [file for file in files if file.facility_id in facilities]
    report.problems.extend(problems)
    landed_all = home.store / _LANDED_ALL
    if not facilities and holds_text(landed_all, _all_stamps(home, files)):
        report.unchanged.extend(files)
        return report
    settled, waiting = settle(files, settings.refresh.settle_seconds)
    report.waiting.extend(waiting)
    by_facility: dict[str, list[InboxFile]] = {}
    for file in settled:
        by_facility.setdefault(file.facility_id, []).append(file)
    for facility_id, own in by_facility.items():
        _land_facility(home, facility_id, own, received_at, report)
    stamps = _all_stamps(home, files)  # first: what is lost after the look is missed next time
    check_landed(home, facilities)
    if not facilities and len(report.landed) + len(report.unchanged) == len(files):
        write_text(stamps, landed_all)
    return report


def _all_stamps(home: Home, files: Sequence[InboxFile]) -> str:
    """Hash of what inbox, ledgers and landed bytes look like from outside: as long as they stay, nothing wrote to them."""
    paths = [file.path for file in files]
    stamps = [number for file in files for number in file.stamp]
    for facility_id in home.facility_ids():
        with suppress(FileNotFoundError):
            for entry in entries(home.landing / facility_id):
                paths.append(entry.path)
                stamps.extend(stamp_of(entry.stat(follow_symlinks=False)))
    return hashlib.sha256(f"{'|'.join(paths)}{stamps}".encode("utf-8", "surrogateescape")).hexdigest()


def _land_facility(
    home: Home, facility_id: str, files: Sequence[InboxFile], received_at: str, report: LandingReport
) -> None:
    folder = home.landing / facility_id
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with landing_lock(folder):
        sweep(folder)
        ledger = read_ledger(home, facility_id)
        seen = _read_seen(folder)
        noted = dict(seen)
        arrivals = Arrivals(ledger, knows_inbox=bool(seen) or not ledger)
        withdrawn = withdrawn_bytes(ledger)
        sent_again: dict[InboxFile, str] = {}
        for file in files:
            before = seen.get(file.shown_name, [""])[-1]
            sha256 = _sha256_of(folder, file, seen, report)
            if sha256 is not None:
                seen[file.shown_name] = [*file.stamp, sha256]
                arrivals.add(file, sha256, is_arrival=sha256 != before)
                if sha256 != before and sha256 in withdrawn:
                    sent_again[file] = withdrawn[sha256]
        fresh, unchanged = arrivals.divided(lambda: source_names(home, facility_id))
        report.problems.extend(
            Problem(
                facility_id,
                file.shown_name,
                f"the same bytes were withdrawn on {day} and are not read again; if they count after all, change the file",
            )
            for file, day in sent_again.items()
            if file in unchanged
        )
        report.unchanged.extend(unchanged)
        landed = _submission(facility_id, ledger, fresh, received_at)
        # First what was seen: a crash in between then only lands what the ledger does not name yet.
        if seen != noted:
            write_hashed_json(seen, folder / _SEEN, indent=1)
        if landed:
            write_ledger(home, facility_id, [*ledger, *landed])
        report.landed.extend(landed)


def _submission(
    facility_id: str, ledger: Sequence[LandedFile], fresh: Sequence[tuple[str, InboxFile]], received_at: str
) -> list[LandedFile]:
    submission_no = max((landed.submission_no for landed in ledger), default=0) + 1
    file_no = max((landed.file_no for landed in ledger), default=0) + 1
    digest = hashlib.sha256("".join(sorted(sha256 for sha256, _ in fresh)).encode()).hexdigest()[:8]
    return [
        LandedFile(
            facility_id=facility_id,
            file_no=file_no + position,
            submission_no=submission_no,
            submission_id=f"{facility_id}-{submission_no:04d}-{digest}",
            source_file=file.shown_name,
            sha256=sha256,
            n_bytes=file.n_bytes,
            received_at=received_at,
        )
        for position, (sha256, file) in enumerate(fresh)
    ]


def _sha256_of(
    folder: Path, file: InboxFile, seen: dict[str, list[int | str]], report: LandingReport
) -> str | None:
    """The hash of a file whose bytes lie in ``folder`` afterwards; None when it could not be taken."""
    *stamp, remembered = seen.get(file.shown_name, [""])
    if stamp == list(file.stamp) and shape_problem(folder / str(remembered), file.n_bytes) is None:
        return str(remembered)
    try:
        sha256 = _copy(folder, file)
    except PermissionError:
        report.problems.append(file.problem("may not be read; check its owner and mode"))
        return None
    except OSError as error:
        if error.errno in DISK_FULL:
            raise
        report.problems.append(file.problem(f"could not be copied ({error.strerror}); left in the inbox"))
        return None
    if sha256 is None:
        report.waiting.append(file)
    return sha256


def _copy(folder: Path, file: InboxFile) -> str | None:
    """Copy the bytes into ``folder`` under their hash; None when the file changed meanwhile."""
    building = folder / f"{os.getpid()}-{time.monotonic_ns()}{BUILDING}"
    digest = hashlib.sha256()
    try:
        with open_settled(file) as source, building.open("xb") as out:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        if not file.is_unchanged():
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
        seen: dict[str, list[int | str]] = read_hashed_json(folder / _SEEN)
    except (OSError, ValueError):
        return {}
    return seen
