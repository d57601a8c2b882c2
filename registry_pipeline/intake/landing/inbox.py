"""What lies in the inbox, and whether it has come to rest.

Belongs here: listing, refusing, waiting, opening. Does not belong here: copying (``landing.py``).

The inbox is written by others: links and devices are refused, names are shown as plain text.
"""

from __future__ import annotations

import os
import stat
import time
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from typing import NamedTuple

from registry_pipeline.core.files import entries
from registry_pipeline.core.home import Home
from registry_pipeline.core.toml_source import nearest

_NOT_DATA = ("~$", ".")
_PARTIAL = (".part", ".partial", ".crdownload", ".tmp", ".filepart")


@dataclass(frozen=True)
class Problem:
    """Something in the inbox that could not be taken; ``str`` gives the line to show."""

    facility_id: str
    name: str
    message: str

    def __str__(self) -> str:
        where = f"{self.facility_id}/{self.name}" if self.facility_id else self.name
        return f"inbox/{where}: {self.message}"


class InboxFile(NamedTuple):
    """A regular file in ``inbox/<facility>/``.

    Attributes:
        shown_name: the name as text (NFC), also where the file system's bytes are no text.
        stamp: as of :func:`stamp_of`; equal stamps mean unchanged bytes.
    """

    facility_id: str
    path: str
    shown_name: str
    stamp: tuple[int, ...]

    @property
    def n_bytes(self) -> int:
        """Size in bytes."""
        return self.stamp[0]

    def is_unchanged(self) -> bool:
        """Whether the file still is what it was when it was listed."""
        try:
            return stamp_of(os.lstat(self.path)) == self.stamp
        except OSError:
            return False

    def problem(self, message: str) -> Problem:
        """A problem with this file."""
        return Problem(self.facility_id, self.shown_name, message)


@dataclass(frozen=True)
class InboxFolder:
    """An entry of the inbox and, of a folder, its entries: what they look like is asked of the system once.

    Attributes:
        fault: why a folder cannot be listed.
    """

    entry: os.DirEntry[str]
    files: Sequence[os.DirEntry[str]] = ()
    fault: str = ""


def look_into_inbox(home: Home) -> list[InboxFolder]:
    """What lies in the inbox now, by name; nothing where there is none.

    Raises:
        OSError: it may not be read.
    """
    return [_folder(entry) for entry in entries(home.inbox)] if home.inbox.is_dir() else []


def _folder(entry: os.DirEntry[str]) -> InboxFolder:
    try:
        return InboxFolder(entry, entries(entry) if entry.is_dir(follow_symlinks=False) else ())
    except OSError as error:
        return InboxFolder(entry, fault=f"cannot be listed ({error.strerror}); check its mode")


def list_inbox(
    home: Home, inbox: Sequence[InboxFolder] | None = None
) -> tuple[list[InboxFile], list[Problem]]:
    """The regular files of known facilities, by facility and name, and what else lies there.

    Args:
        inbox: what lies there, where it was just looked at.
    """
    files: list[InboxFile] = []
    problems: list[Problem] = []
    facility_ids = dict.fromkeys(home.facility_ids())
    for folder in look_into_inbox(home) if inbox is None else inbox:
        name = shown(folder.entry.name)
        if not folder.entry.is_dir(follow_symlinks=False):
            if not folder.entry.name.startswith(_NOT_DATA):
                problems.append(Problem("", name, "put it into the folder of its facility"))
        elif folder.fault:
            problems.append(Problem("", name, folder.fault))
        elif folder.entry.name in facility_ids:
            _list_folder(folder, files, problems)
        elif folder.files:
            hint = f"no facilities/{name}.toml describes this facility{nearest(name, facility_ids)}"
            problems.append(Problem("", name, hint))
    return files, problems


def _list_folder(folder: InboxFolder, files: list[InboxFile], problems: list[Problem]) -> None:
    facility_id = folder.entry.name
    for entry in folder.files:
        if entry.name.startswith(_NOT_DATA):
            continue
        try:
            status, name = entry.stat(follow_symlinks=False), shown(entry.name)
        except FileNotFoundError:  # taken away since
            continue
        refusal = _refusal(entry, status)
        if refusal:
            problems.append(Problem(facility_id, name, refusal))
        else:
            files.append(InboxFile(facility_id, entry.path, name, stamp_of(status)))


def _refusal(entry: os.DirEntry[str], status: os.stat_result) -> str | None:
    if stat.S_ISLNK(status.st_mode):
        return "is a link; put the file itself here"
    if stat.S_ISDIR(status.st_mode):
        return "is a folder; put its files directly into the folder of the facility"
    if not stat.S_ISREG(status.st_mode):
        return "is no regular file; remove it"
    if entry.name.lower().endswith(_PARTIAL):
        return "looks like an unfinished transfer; finish it or rename it"
    return None


def settle(files: Sequence[InboxFile], seconds: float) -> tuple[list[InboxFile], list[InboxFile]]:
    """Files at rest, and files that are still being written.

    A file that was modified less than ``seconds`` ago is looked at again after that time; all files
    wait together.
    """
    now = time.time_ns()
    recent = [file for file in files if now - file.stamp[1] < seconds * 1e9]
    if recent and seconds > 0:
        time.sleep(seconds)
    moving = [file for file in recent if not file.is_unchanged()]
    return [file for file in files if file not in moving], moving


@contextmanager
def open_settled(file: InboxFile) -> Iterator[BufferedReader]:
    """Open a listed file for reading, never through a link and never waiting for a pipe."""
    handle = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as source:
        yield source


def shown(name: str) -> str:
    """A file name as text for reports: composed, bytes that are no text escaped, no control characters."""
    if name.isascii() and name.isprintable():
        return name
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    composed = unicodedata.normalize("NFC", text)
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in composed)


def stamp_of(status: os.stat_result) -> tuple[int, ...]:
    """Size, times of modification and change in ns, device, inode: as long as they stay, nothing wrote to a file.

    A copying job may set the time of modification back (``touch -r``, ``cp -p``), and nobody that of change.
    """
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_dev, status.st_ino
