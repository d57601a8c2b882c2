"""What every step shares: the lock, what its result depends on, whether it has anything to do.

Belongs here: digests of code, settings, mappings and bytes; the note of what a step wrote; one refresh at a time.
Does not belong here: the steps themselves. Imports nothing heavy, so that a refresh with nothing new costs
next to nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from registry_pipeline.core.files import exclusive, json_digest, write_hashed_json
from registry_pipeline.core.home import Home
from registry_pipeline.core.source_code import rooms_digest
from registry_pipeline.core.sql_files import SQL_FOLDER
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.core.version import package_version
from registry_pipeline.core.working_files import (
    STEP_NOTE,
    DamagedFile,
    digest_of_file,
    read_notes,
    remove_notes,
)
from registry_pipeline.pipeline.context import RefreshContext, file_digest
from registry_pipeline.pipeline.merges import merges_at
from registry_pipeline.store.releases import current_release, open_release, reports_problem

STAGING_ROOMS = (
    "registry_pipeline/core",
    "registry_pipeline/intake",
    "registry_pipeline/pipeline",
    "schemas",
)
SCREENING_ROOMS = ("registry_pipeline/validation", "sql/parts", "sql/rules")
NOT_READ_BY_STAGING = ("rules", "tolerance", "language", "silent_after_days")
"""Sections of a facility's TOML."""
_HELD: set[str] = set()


@contextmanager
def refresh_lock(home: Home, is_lent: bool = False) -> Iterator[None]:
    """Hold the lock of the store; inside a block that holds it already, do nothing.

    Args:
        is_lent: a coordinator holds it and waits for what this process does (``pipeline/cluster``).

    Raises:
        StoreError: another process holds it.
    """
    name = str(home.store)
    if name in _HELD:
        yield
        return
    with nullcontext() if is_lent else exclusive(home.store):
        _HELD.add(name)
        try:
            yield
        finally:
            _HELD.discard(name)


@dataclass(frozen=True)
class Step:
    """One piece of work of a refresh: what it writes, and a digest of all that it reads.

    Attributes:
        folder: where it writes; the note of what it wrote lies there too.
        fingerprint: of inputs, settings and code; another one means that the work is to be done again.
        finished: folders that this refresh has seen whole already: they are not hashed twice.
    """

    folder: Path
    fingerprint: str
    finished: set[Path]

    def run(self, work: Callable[[], Any], force: bool = False) -> Any:
        """What the work says of itself (anything that JSON can hold): now, or when it was done for the same inputs.

        A step that is killed half-way, or whose files are damaged, is done again.
        """
        note = None if force else self._note()
        if note is None:
            remove_notes(self.folder / STEP_NOTE)  # first: half-way it must not look finished
            report = json.loads(json.dumps(work()))
            note = {"fingerprint": self.fingerprint, "files": _digests(self.folder), "report": report}
            write_hashed_json(note, self.folder / STEP_NOTE)
        self.finished.add(self.folder)
        return note["report"]

    def is_done(self) -> bool:
        """Whether the work was done for these inputs, and what it wrote is whole."""
        return self._note() is not None

    def _note(self) -> dict[str, Any] | None:
        note = read_note(self.folder)
        is_of_these = note is not None and note["fingerprint"] == self.fingerprint
        return note if is_of_these and is_whole(self.folder, self.finished) else None


def read_note(folder: Path) -> dict[str, Any] | None:
    """What a step wrote down of its folder when it had finished; None where it has not, or the note is damaged."""
    note = read_notes(folder / STEP_NOTE)
    is_whole = set(note) == {"fingerprint", "files", "report"}
    return note if is_whole and isinstance(note["files"], dict) else None


def is_whole(folder: Path, finished: set[Path]) -> bool:
    """Whether the files of a folder are, byte by byte, those that its step wrote.

    Args:
        finished: folders that were seen to be whole already; the folder becomes one of them.
    """
    if folder in finished:
        return True
    note = read_note(folder)
    try:
        if note is None or _digests(folder) != note["files"]:
            return False
    except OSError:
        return False
    finished.add(folder)
    return True


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: digest_of_file(path) for path in sorted(folder.glob("*.*")) if path.name != STEP_NOTE}


@cache
def code_version() -> str:
    """Version of the package with a hash of every line of code and SQL that can change a result."""
    root = SQL_FOLDER.parent
    digest = hashlib.sha256()
    for folder, pattern in (
        ("registry_pipeline", "*.py"),
        ("schemas", "*.py"),
        ("schemas", "*.toml"),
        ("sql", "*.sql"),
    ):
        for path in sorted((root / folder).rglob(pattern)):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return f"{package_version()}+{digest.hexdigest()[:12]}"


def digest_of(*parts: Any) -> str:
    """A short hash of anything that JSON can write."""
    return json_digest(parts)[:16]


def staging_digest(context: RefreshContext, facility_id: str) -> str:
    """Hash of what a facility's staged tables depend on.

    A rule's severity, a tolerance or the language of messages judges anew and reads nothing anew.
    """
    return context.digest(facility_id, _staging_digest)


def _staging_digest(context: RefreshContext, facility_id: str) -> str:
    read = _read_by_staging(context, facility_id)
    ledger = [vars(landed) for landed in context.ledgers[facility_id]]
    key = file_digest(context.home.key_file)
    limits = asdict(context.settings.limits)
    if any(landed.too_large_for for landed in context.ledgers[facility_id]):
        limits["memory_limit"] = context.settings.refresh.memory_limit
    return digest_of(
        facility_id, ledger, json.dumps(read, default=str), key, limits, rooms_digest(*STAGING_ROOMS)
    )


def sources_digest(context: RefreshContext, facility_id: str) -> str:
    """Hash of how a facility's mapping says that files are read, which facilities of one system may share."""
    read = _read_by_staging(context, facility_id)
    return digest_of(json.dumps(read | {"id": None, "name": None}, default=str))


def _read_by_staging(context: RefreshContext, facility_id: str) -> dict[str, Any]:
    mapping = context.mapping(facility_id).data
    return {name: value for name, value in mapping.items() if name not in NOT_READ_BY_STAGING}


def screening_digest(context: RefreshContext, facility_id: str) -> str:
    """Hash of what a facility's mapping and the settings tell the screening beside the staged tables."""
    return context.digest(facility_id, _screening_digest)


def _screening_digest(context: RefreshContext, facility_id: str) -> str:
    mapping = context.mapping(facility_id).data
    declared = {name: mapping.get(name) for name in ("rules", "tolerance", "precedence")}
    code = rooms_digest(*STAGING_ROOMS, *SCREENING_ROOMS)
    settings = context.settings
    judged_by = (
        asdict(settings.study),
        settings.refresh.systemic_share,
        settings.limits.max_findings,
        settings.rules,
    )
    return digest_of(declared, judged_by, context.extract_date(facility_id), code)


def screening_fingerprint(context: RefreshContext, facility_id: str) -> str:
    """Hash of all that a facility's judged records depend on: what was staged, mapping, settings, code, decisions."""
    note = read_note(context.layout.staged(facility_id))
    return digest_of(
        note and (note["fingerprint"], note["files"]),
        screening_digest(context, facility_id),
        asdict(merges_at(context, facility_id)),
        context.decisions.waived_at(facility_id),
        [decision.decision_no for decision in context.decisions.corrections_at(facility_id)],
    )


def outdated_facilities(context: RefreshContext, chosen: Collection[str] = ()) -> dict[str, str]:
    """Facilities whose judged records were made of other input than there is now -> what they were made of.

    Args:
        chosen: facilities that are about to be judged, which makes them current.
    """
    outdated = {}
    for facility_id in sorted(set(context.senders) - set(chosen)):
        staged = read_note(context.layout.staged(facility_id))
        screened = read_note(context.layout.screened(facility_id))
        if not (staged and screened and _is_current(context, facility_id, staged, screened)):
            outdated[facility_id] = screened["fingerprint"] if screened else ""
    return outdated


def _is_current(
    context: RefreshContext, facility_id: str, staged: dict[str, Any], screened: dict[str, Any]
) -> bool:
    try:
        is_staged = staged["fingerprint"] == staging_digest(context, facility_id)
        is_screened = screened["fingerprint"] == screening_fingerprint(context, facility_id)
        return bool(is_staged and is_screened)
    except (ConfigurationError, DamagedFile):  # whoever judges the facility is told, or makes the file again
        return False


def input_hash(context: RefreshContext, outdated: Mapping[str, str]) -> str:
    """Hash of what a release is made of: landed bytes, mappings, decisions and the key of the pseudonyms.

    Args:
        outdated: of :func:`outdated_facilities`. A release that leaves a facility as it was is not the release
            of today's input: the next refresh of all facilities has to see that.
    """
    key = file_digest(context.home.key_file)
    facilities = [
        digest_of(facility_id, *digests, key) for facility_id, digests in context.input_digests.items()
    ]
    left_behind = [dict(outdated)] if outdated else []
    return digest_of(facilities, *left_behind, *context.decisions.digest_parts())


def is_up_to_date(context: RefreshContext, outdated: Mapping[str, str]) -> bool:
    """Whether the served release was made from just this input, these settings and this code."""
    if current_release(context.home) is None:
        return False
    with open_release(context.home) as connection:
        row = connection.execute(
            "SELECT code_version, parameter_hash, input_hash FROM meta.release"
        ).fetchone()
    return row == (code_version(), context.settings.digest(), input_hash(context, outdated))


def has_nothing_to_do(context: RefreshContext, chosen: Sequence[str] = ()) -> bool:
    """Whether the served release is made of just what there is now, and has its reports.

    Args:
        chosen: the facilities that a refresh is restricted to; it leaves the others as they are. All by default.
    """
    outdated = outdated_facilities(context, chosen) if chosen else {}
    return is_up_to_date(context, outdated) and reports_problem(context.home) is None
