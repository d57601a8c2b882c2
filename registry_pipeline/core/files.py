"""Files written whole or not at all, for every room.

Belongs here: the one atomic writer (temporary name in the same folder, fsync, rename, fsync of the folder), failures
of the disk in one line, digests of files, sweeping what a killed process left behind, the lock of a folder.
Does not belong here: what is in the files, Parquet (``store/parquet.py``), releases (``store/release.py``).
"""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from operator import attrgetter
from pathlib import Path
from typing import Any

from registry_pipeline.core.locks import locked
from registry_pipeline.core.native_panics import panics_as_exceptions

BUILDING = ".building"
LOCK = ".lock"
"""The file that :func:`exclusive` locks in a folder."""
_EXCLUSIVE: set[Path] = set()
_SMALL = 2**16
_NOT_WRITABLE = "the folder cannot be written"
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_GONE_OR_BAD = {
    None, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EIO, errno.EINVAL,
    errno.EILSEQ, errno.EBADMSG, errno.EUCLEAN,
}  # fmt: skip
_FULL_WORDS = (
    "no space left",
    "file too large",
    "disk quota",
    "could not write all bytes",
    "disk is full",
    "transport error",  # so polars calls a page of Parquet whose head the disk did not take
)


class StoreError(Exception):
    """The store cannot be read or written; told in one line, without any value of a record."""


@contextmanager
def whole_file(path: Path, is_noted: bool = False) -> Iterator[Path]:
    """A temporary file beside ``path`` (0600) that becomes ``path`` if the block ends well.

    A reader of ``path`` sees the old content or the new one, never half of it; after a crash the
    temporary file, ``*.building``, is left for :func:`sweep`, which passes over those of living processes.

    Args:
        is_noted: whoever reads it compares it with a hash in a note, and makes it again where it is another: what a
            power cut took is seen, so that nobody waits for the disk.

    Raises:
        StoreError: the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}{BUILDING}")
    try:
        with disk_errors_as_store_error(path):
            if not path.parent.is_dir():
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with locked(temporary, waits=False, is_new=True):
                yield temporary
                if not is_noted:
                    sync(temporary)
                temporary.replace(path)
            if not is_noted:
                sync(path.parent)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


@contextmanager
def disk_errors_as_store_error(path: Path) -> Iterator[None]:
    """Turn failures of the disk into a :class:`StoreError` that names the folder, or what lies elsewhere and is withheld.

    DuckDB and polars wrap the system's error in their own, so the text is looked at too.
    """
    try:
        with panics_as_exceptions():
            yield
    except StoreError:
        raise
    except Exception as problem:
        reason = system_refusal(problem)
        if reason is None:
            raise
        where = path.parent
        # of a link the second name is where it lies
        named = getattr(problem, "filename2", None) or getattr(problem, "filename", None)
        if reason == _NOT_WRITABLE and isinstance(named, str | Path) and Path(named) != where:
            if BUILDING in Path(named).name:
                where = Path(named).parent
            else:
                where, reason = Path(named), "may not be read or written; check its owner and mode"
        raise StoreError(f"{where}: {reason}; {path.name} was not written") from None


@contextmanager
def withheld_as_store_error(path: Path | str) -> Iterator[None]:
    """Turn what keeps back a file that may be whole (no right to it, no descriptor left, a server that is away) into an error.

    What is gone, has something else in its place or lies on a disk that failed comes as it came from the system.

    Raises:
        StoreError: names the file.
    """
    try:
        yield
    except OSError as problem:
        if problem.errno in _GONE_OR_BAD:
            raise
        remedy = "; check its owner and mode" if problem.errno in _FORBIDDEN else ""
        message = f"{path}: cannot be read now ({problem.strerror}); it may be whole{remedy}"
        raise StoreError(message) from None


def system_refusal(problem: Exception) -> str | None:
    """What the system refused (disk, files, memory), in words; None for a problem of another kind."""
    text = str(problem).lower()
    code = problem.errno if isinstance(problem, OSError) else None
    if code in DISK_FULL or any(words in text for words in _FULL_WORDS):
        return "the disk is full"
    if isinstance(problem, MemoryError) or code == errno.ENOMEM or "out of memory" in text:
        return "the memory is not enough; allow more (refresh.memory_limit in registry.toml), or free some of the machine's"
    if code in {errno.EMFILE, errno.ENFILE} or "too many open files" in text:
        return "too many files are open; let the process open more (ulimit -n)"
    if code in _FORBIDDEN:
        return _NOT_WRITABLE
    return None


def sync(path: Path) -> None:
    """Have the system put a file or a folder on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(text: str, path: Path, is_noted: bool = False) -> Path:
    """Write a small text file (UTF-8), atomically.

    Args:
        is_noted: as of :func:`whole_file`.

    Raises:
        StoreError: the disk is full or the folder cannot be written.
    """
    with whole_file(path, is_noted) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def holds_text(path: Path, text: str) -> bool:
    """Whether a small text file is there and says just this."""
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        return False


def write_json(content: object, path: Path, indent: int | None = None, is_noted: bool = False) -> Path:
    """Write what JSON can hold, atomically; raises what :func:`write_text` raises."""
    return write_text(json.dumps(content, indent=indent, ensure_ascii=False), path, is_noted)


def write_csv(rows: Iterable[Sequence[object]], path: Path) -> Path:
    """Write rows as CSV (UTF-8, lines end in ``\\n``), atomically; raises what :func:`write_text` raises."""
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    return path


def write_hashed_json(content: object, path: Path, indent: int | None = None, is_noted: bool = False) -> Path:
    """Write what JSON can hold with a hash of it, atomically, for :func:`read_hashed_json`.

    Args:
        is_noted: what it says can be found out again.
    """
    return write_json({"digest": json_digest(content), "content": content}, path, indent, is_noted)


def read_hashed_json(path: Path) -> Any:
    """What :func:`write_hashed_json` wrote: a flipped bit is told and never believed.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not what was written.
    """
    stored = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(stored, dict) or set(stored) != {"digest", "content"}:
        raise ValueError("no hash stands with the content")
    if stored["digest"] != json_digest(stored["content"]):
        raise ValueError("the content is not what was written")
    return stored["content"]


def json_digest(content: object) -> str:
    """SHA-256 of what JSON can hold, in whatever order its keys are; what it cannot hold counts as its text."""
    return hashlib.sha256(json.dumps(content, default=str, sort_keys=True).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits.

    Raises:
        OSError: the file cannot be read, or is a pipe or a device, whose bytes may never come or never end.
    """
    with open(path, "rb", buffering=0, opener=_open_at_once) as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "no plain file", str(path))
        if status.st_size <= _SMALL:  # a buffer takes longer to make than such a file to hash
            return hashlib.sha256(stream.read()).hexdigest()
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for the other end of a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def sweep(folder: Path, is_deep: bool = True) -> list[Path]:
    """Remove what killed processes left in ``folder`` and below (``*.building``); gives what was removed.

    A file that a living process writes stays. Folders and links have no such mark: where they are made, to be called by
    the one who holds :func:`exclusive`.
    """
    unfinished = sorted(_unfinished(folder, is_deep)) if folder.is_dir() else []
    return [path for path in map(Path, unfinished) if _is_removed(path)]


def entries(folder: Path | os.DirEntry[str]) -> list[os.DirEntry[str]]:
    """What lies in a folder, by name; of no file a path is made, for there are many and mostly nothing is done with them."""
    with os.scandir(folder) as listing:
        return sorted(listing, key=attrgetter("name"))


def _unfinished(folder: Path | str, is_deep: bool) -> Iterator[str]:
    """Paths of what was not finished: a store has a hundred files for each facility, of which no object is made."""
    with suppress(PermissionError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(BUILDING):
                yield entry.path
            elif is_deep and entry.is_dir(follow_symlinks=False):
                yield from _unfinished(entry.path, is_deep)


def _is_removed(path: Path) -> bool:
    if path.is_symlink():
        path.unlink(missing_ok=True)
    elif path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(FileNotFoundError):
            try:
                with locked(path, waits=False, creates=False):
                    path.unlink(missing_ok=True)
            except BlockingIOError:
                return False
    return True


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the system frees it when the process dies.

    Raises:
        StoreError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / LOCK, waits=False))
        except BlockingIOError:
            raise StoreError(f"{folder}: another refresh is running; try again when it has ended") from None
        _EXCLUSIVE.add(folder)
        stack.callback(_EXCLUSIVE.discard, folder)
        yield


def is_exclusive_here(folder: Path) -> bool:
    """Whether it is this process that holds the folder's lock."""
    return folder in _EXCLUSIVE
