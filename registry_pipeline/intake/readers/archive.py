"""Archives, opened only after their directory has been judged.

Belongs here: limits on members, unpacked size and ratio; unsafe names.
Does not belong here: reading what is inside (``members.py``); workbooks, though ``check_archive`` judges them too.
"""

from __future__ import annotations

import errno
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO

from registry_pipeline.intake.readers.model import ReadError, ReadLimits
from registry_pipeline.intake.readers.source import Source

_SMALL = 10 * 2**20
_STEP = 2**20
_TAIL = 66_000
_ENTRY_BYTES = 1024
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, OSError, ValueError,
)  # fmt: skip


@contextmanager
def open_archive(source: Source, limits: ReadLimits) -> Iterator[zipfile.ZipFile]:
    """Open a zip after judging its directory.

    Raises:
        ReadError: damaged, zip_bomb, unsafe_archive or password_protected.
        OSError: the system cannot read it.
    """
    _check_directory(source, limits)
    with _damage_as_read_error():
        archive = zipfile.ZipFile(_as_file(source))
    with archive:
        check_archive(archive.infolist(), source.n_bytes, limits)
        yield archive


@contextmanager
def _damage_as_read_error() -> Iterator[None]:
    """What an archive's bytes make its library raise, as damage; what the machine refuses is no fault of the file."""
    try:
        yield
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise ReadError("damaged", "the archive is damaged or cut off; ask for the file again") from error


def _check_directory(source: Source, limits: ReadLimits) -> None:
    """Bound the archive's directory before it is loaded; it is where the end record says."""
    tail = source.data[max(0, source.n_bytes - _TAIL) :]
    place = tail.rfind(b"PK\x05\x06")
    if place >= 0 and len(tail) >= place + 22:
        n_bytes = struct.unpack_from("<I", tail, place + 12)[0]
        if n_bytes > limits.max_members * _ENTRY_BYTES:
            raise ReadError("zip_bomb", f"more than {limits.max_members:,} members; send fewer files at once")


def _as_file(source: Source) -> io.BytesIO | str:
    return str(source.path) if source.path is not None else io.BytesIO(source.whole())


def check_archive(members: list[zipfile.ZipInfo], n_bytes: int, limits: ReadLimits) -> None:
    """Judge an archive by its directory alone, before anything is unpacked."""
    if len(members) > limits.max_members:
        raise ReadError("zip_bomb", f"{len(members):,} members, more than {limits.max_members:,} allowed")
    unpacked = sum(member.file_size for member in members)
    check_unpacked(unpacked, n_bytes, limits)
    for member in members:
        name = PurePosixPath(member.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or ":" in member.filename[:3]:
            raise ReadError("unsafe_archive", "a member's name points outside the archive; do not unpack it")
        if member.flag_bits & 1:
            raise ReadError("password_protected", "the archive is encrypted; send it without a password")


def check_unpacked(unpacked: int, n_bytes: int, limits: ReadLimits) -> None:
    """Refuse what unpacks to more than is allowed, in bytes or as a multiple of what was sent."""
    if unpacked > limits.max_unpacked_bytes:
        raise ReadError(
            "zip_bomb", f"unpacks to more than {limits.max_unpacked_bytes:,} bytes; send smaller files"
        )
    if unpacked > _SMALL and unpacked > limits.max_ratio * n_bytes:
        raise ReadError("zip_bomb", f"unpacks to more than {limits.max_ratio:.0f} times its size; not opened")


def iter_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """A member's bytes piece by piece; never more than its directory entry says, and checked by its sum."""
    with _damage_as_read_error():
        handle = archive.open(member)
    with handle:
        while piece := _read_step(handle):
            yield piece


def _read_step(handle: IO[bytes]) -> bytes:
    with _damage_as_read_error():
        return handle.read(_STEP)
