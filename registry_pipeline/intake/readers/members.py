"""The tables inside an archive: zip of files, gzip of one file.

Belongs here: reading each member by the reader of its own format. Does not belong here: limits (``archive.py``).
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from dataclasses import replace
from pathlib import PurePosixPath

from registry_pipeline.intake.readers import read_source
from registry_pipeline.intake.readers.archive import check_unpacked, iter_member, open_archive
from registry_pipeline.intake.readers.formats import Format
from registry_pipeline.intake.readers.model import RawSheet, ReadError, ReadLimits, ReadOptions
from registry_pipeline.intake.readers.source import Source

_STEP = 2**20
_ARCHIVES = (".zip", ".gz", ".7z", ".rar")


def read_zip(source: Source, options: ReadOptions) -> list[RawSheet]:
    """Every table inside a zip; ``options.sheets`` may name members. Archives within are refused.

    Raises:
        ReadError: those of ``open_archive``, empty when nothing is inside, those of the members' readers.
    """
    sheets: list[RawSheet] = []
    with open_archive(source, options.limits) as archive:
        members = {_member_name(m): m for m in archive.infolist() if _is_file(m)}
        named = [name for name in options.sheets or () if name in members]
        inner = replace(options, format=None, sheets=None if named else options.sheets)
        for place, name in enumerate(named or members, start=1):
            sheets += _read_member(b"".join(iter_member(archive, members[name])), name, place, inner)
    if not sheets:
        raise ReadError("empty", "the archive holds no file; ask for the export again")
    return sheets


def _is_file(member: zipfile.ZipInfo) -> bool:
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
                check_unpacked(unpacked, source.n_bytes, limits)
                pieces.append(piece)
    except (OSError, EOFError, zlib.error) as error:
        raise ReadError("damaged", "the gzip file is damaged or cut off; ask for it again") from error
    return b"".join(pieces)


FORMATS = (
    Format("zip", read_zip, (b"PK\x03\x04", b"PK\x05\x06")),
    Format("gzip", read_gzip, (b"\x1f\x8b",), unpacked=20),
)
