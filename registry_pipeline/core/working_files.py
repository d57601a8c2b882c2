"""Working files of the store, each looked at where it is read: whether it is, byte by byte, what was written.

Belongs here: the notes of hashes that lie beside working files, comparing with them. Does not belong here: when a step
is done again (``pipeline/step.py``), whether a table is current (``store/keyed_tables.py``), sealed releases.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from registry_pipeline.core.files import LOCK, StoreError, is_exclusive_here, read_hashed_json, sha256_of
from registry_pipeline.core.locks import is_locked

STEP_NOTE = "_step.json"
"""In the folder of a step: ``files``, names of the files that it wrote with their SHA-256."""
TABLE_NOTES = "_tables.json"
"""In a folder of tables: of each ``sha256``."""
_State = tuple[int, int, int]
"""Inode, size, time of the last change: as long as they stay, nothing wrote to a file."""
_SEEN: dict[Path, tuple[_State, str]] = {}
"""What was hashed in this process."""
_NOTES: dict[Path, tuple[_State, dict[str, Any]]] = {}
"""Notes read in this process."""


class DamagedFile(StoreError):
    """A working file is gone or is not what was written; what it was made of is there."""


def damaged(path: Path) -> DamagedFile:
    """What is said of a working file that is not what was written, with what to do."""
    return DamagedFile(f"{path}: the working file is damaged; run: registry refresh --force")


def _state(path: Path) -> _State:
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def digest_of_file(path: Path) -> str:
    """:func:`sha256_of`, remembered for :func:`seen_digest`.

    Raises:
        OSError: the file cannot be read.
    """
    state, digest = _state(path), sha256_of(path)
    _SEEN[path] = (state, digest)
    return digest


def seen_digest(path: Path) -> str:
    """The SHA-256 of a file, hashed once in this process as long as the system says that nothing wrote to it.

    Raises:
        OSError: the file cannot be read.
    """
    state, seen = _state(path), _SEEN.get(path)
    return seen[1] if seen is not None and seen[0] == state else digest_of_file(path)


def working_file(path: Path, store: Path) -> Path | None:
    """The path of a working file that is what was written; None where no step wrote such a file.

    While another process refreshes, notes and files change one after the other: it looks after them itself.

    Args:
        path: of a step or a table.
        store: the store's folder, which a refresh holds the lock of.

    Raises:
        DamagedFile: it is not, or nothing says what it was.
    """
    for _ in range(2):  # a step may have ended between the note and the file
        if _is_as_noted(path):
            return path if path.is_file() else None
    if is_locked(store / LOCK) and not is_exclusive_here(store):
        return path if path.is_file() else None
    raise damaged(path)


def check_digest(path: Path, expected: str) -> None:
    """Refuse a working file whose bytes are others.

    Raises:
        DamagedFile: they are, or it is gone.
    """
    try:
        is_whole = seen_digest(path) == expected
    except OSError:
        is_whole = False
    if not is_whole:
        raise damaged(path)


def _is_as_noted(path: Path) -> bool:
    expected = noted_digest(path)
    try:
        return seen_digest(path) == expected
    except OSError:
        return expected == ""


def noted_digest(path: Path) -> str | None:
    """The SHA-256 that a file was written with; empty for one that was not written, None where no note says."""
    folder = path.parent
    if not folder.is_dir():
        return ""
    step, tables = read_notes(folder / STEP_NOTE), read_notes(folder / TABLE_NOTES)
    if isinstance(files := step.get("files"), dict):
        return str(files.get(path.name, ""))
    if tables:
        note = tables.get(path.stem)
        return str(note.get("sha256")) if isinstance(note, dict) else ""
    return None if any(folder.glob("*.*")) else ""


def remove_notes(path: Path) -> None:
    """Remove a note and what is remembered of it: the next one may get its inode."""
    path.unlink(missing_ok=True)
    _NOTES.pop(path, None)


def read_notes(path: Path) -> dict[str, Any]:
    """A note, read once in this process as long as the system says that nothing wrote to it; empty where damaged."""
    try:
        state, seen = _state(path), _NOTES.get(path)
        if seen is not None and seen[0] == state:
            return seen[1]
        note = read_hashed_json(path)
    except (OSError, ValueError):
        return {}
    if not isinstance(note, dict):
        return {}
    _NOTES[path] = (state, note)
    return note
