"""What every step shares: the lock, the note of what a step wrote, whether the served release is of today's input.

Belongs here: what a release is made of, as digests; one refresh at a time. Does not belong here: the steps themselves, what
a facility's steps go by (``step_keys.py``). Imports nothing heavy, so that a refresh with nothing new costs next to
nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from registry_pipeline.core.files import exclusive, json_digest, write_hashed_json
from registry_pipeline.core.home import Home
from registry_pipeline.core.ownership import refuse_root
from registry_pipeline.core.sql_files import SQL_FOLDER
from registry_pipeline.core.version import package_version
from registry_pipeline.core.working_files import (
    STEP_NOTE,
    digest_of_file,
    read_notes,
    remove_notes,
)
from registry_pipeline.pipeline.context import RefreshContext, file_digest
from registry_pipeline.store.releases import current_release, open_release

_HELD: set[str] = set()


@contextmanager
def refresh_lock(home: Home, is_lent: bool = False) -> Iterator[None]:
    """Hold the lock of the store; inside a block that holds it already, do nothing.

    Args:
        is_lent: a coordinator holds it and waits for what this process does (``pipeline/cluster``).

    Raises:
        StoreError: another process holds it, or this one is root's and the home is not.
    """
    name = str(home.store)
    if name in _HELD:
        yield
        return
    refuse_root(home.root)
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


def remove_files(folder: Path) -> None:
    """Remove what an earlier run of a step wrote: it may have made tables that this one does not."""
    for path in folder.glob("*.*"):
        path.unlink()


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
