"""Archives, opened only after their directory has been judged: zip of files, gzip of one file.

Belongs here: limits on members, unpacked size and ratio; unsafe names; reading what is inside.
Does not belong here: workbooks (workbook.py), though they are judged by ``check_archive`` too.
"""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePosixPath

from registry_pipeline.intake.readers.model import RawSheet, ReadError, ReadLimits, ReadOptions
from registry_pipeline.intake.readers.source import Source

_SMALL = 10 * 2**20
_STEP = 2**20
_TAIL = 66_000
_ENTRY_BYTES = 1024
_ARCHIVES = (".zip", ".gz", ".7z", ".rar")


@contextmanager
def open_archive(source: Source, limits: ReadLimits) -> Iterator[zipfile.ZipFile]:
    """Open a zip after judging its directory.

    Raises:
        ReadError: damaged, zip_bomb, unsafe_archive or password_protected.
    """
    _check_directory(source, limits)
    try:
        with zipfile.ZipFile(_as_file(source)) as archive:
            check_archive(archive.infolist(), source.n_bytes, limits)
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
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
    _check_unpacked(unpacked, n_bytes, limits)
    for member in members:
        name = PurePosixPath(member.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or ":" in member.filename[:3]:
            raise ReadError("unsafe_archive", "a member's name points outside the archive; do not unpack it")
        if member.flag_bits & 1:
            raise ReadError("password_protected", "the archive is encrypted; send it without a password")


def _check_unpacked(unpacked: int, n_bytes: int, limits: ReadLimits) -> None:
    if unpacked > limits.max_unpacked_bytes:
        raise ReadError(
            "zip_bomb", f"unpacks to more than {limits.max_unpacked_bytes:,} bytes; send smaller files"
        )
    if unpacked > _SMALL and unpacked > limits.max_ratio * n_bytes:
        raise ReadError("zip_bomb", f"unpacks to more than {limits.max_ratio:.0f} times its size; not opened")


def iter_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """A member's bytes piece by piece; never more than its directory entry says, and checked by its sum."""
    with archive.open(member) as handle:
        while piece := handle.read(_STEP):
            yield piece


def read_zip(source: Source, options: ReadOptions) -> list[RawSheet]:
    """Every table inside a zip; ``options.sheets`` may name members. Archives within are refused.

    Raises:
        ReadError: those of ``open_archive``, empty when nothing is inside, those of the members' readers.
    """
    sheets: list[RawSheet] = []
    with open_archive(source, options.limits) as archive:
        members = {_member_name(m): m for m in archive.infolist() if _is_wanted(m)}
        named = [name for name in options.sheets or () if name in members]
        inner = replace(options, format=None, sheets=None if named else options.sheets)
        for place, name in enumerate(named or members, start=1):
            sheets += _read_member(b"".join(iter_member(archive, members[name])), name, place, inner)
    if not sheets:
        raise ReadError("empty", "the archive holds no file; ask for the export again")
    return sheets


def _is_wanted(member: zipfile.ZipInfo) -> bool:
    name = PurePosixPath(member.filename)
    if not name.parts:  # an entry without a name
        return False
    return not (member.is_dir() or name.parts[0] == "__MACOSX" or name.name.startswith("."))


def _member_name(member: zipfile.ZipInfo) -> str:
    """Chinese Windows writes names in GBK without saying so; zipfile then takes them for code page 437."""
    if member.flag_bits & 0x800 or member.filename.isascii():
        return member.filename
    try:
        return member.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return member.filename


def _read_member(data: bytes, name: str, place: int, options: ReadOptions) -> list[RawSheet]:
    from registry_pipeline.intake.readers import read_source

    suffix = PurePosixPath(name).suffix.lower()
    try:
        if not data:
            raise ReadError("empty", "the file has no bytes")
        if suffix in _ARCHIVES:
            raise ReadError("unsafe_archive", "an archive within an archive is not opened; send it by itself")
        _, sheets = read_source(Source(data, suffix), options)
    except ReadError as error:
        raise ReadError(error.code, f"file {place} of the archive: {error}") from None
    return [replace(sheet, member=name) for sheet in sheets]


def read_gzip(source: Source, options: ReadOptions) -> list[RawSheet]:
    """The one file inside a gzip.

    Raises:
        ReadError: damaged, zip_bomb, and those of the inner file's reader.
    """
    data = _gunzip(source, options.limits)
    stem = source.path.name if source.path is not None else ""
    inner_name = PurePosixPath(stem).stem if stem.endswith(".gz") else stem
    return _read_member(data, inner_name, 1, replace(options, format=None))


def _gunzip(source: Source, limits: ReadLimits) -> bytes:
    pieces, unpacked = [], 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(source.whole())) as handle:
            while piece := handle.read(_STEP):
                unpacked += len(piece)
                _check_unpacked(unpacked, source.n_bytes, limits)
                pieces.append(piece)
    except (OSError, EOFError, zlib.error) as error:
        raise ReadError("damaged", "the gzip file is damaged or cut off; ask for it again") from error
    return b"".join(pieces)
