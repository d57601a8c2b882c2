"""Landed bytes to text rows in the store, each file once.

Belongs here: running a reader, numbering rows, what is noted of the sheets that were read.
Does not belong here: which rows count or what they mean (``stage.py``), the files of sheets (``sheet_file.py``).

``_row_id`` carries where a row stood (``core/row_id.py``).
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from registry_pipeline.core.files import (
    StoreError,
    json_digest,
    read_hashed_json,
    sha256_of,
    withheld_as_store_error,
    write_hashed_json,
)
from registry_pipeline.core.frames import constant
from registry_pipeline.core.home import Home
from registry_pipeline.core.row_id import LINEAGE, row_id
from registry_pipeline.core.settings import Limits
from registry_pipeline.core.source_code import code_digest, rooms_digest
from registry_pipeline.core.working_files import digest_of_file
from registry_pipeline.intake.landing.ledger import LandedFile, landed_path
from registry_pipeline.intake.mapping.model import Source
from registry_pipeline.intake.raw.sheet_file import note_path, read_sheet, sheet_path, write_sheet
from registry_pipeline.intake.readers import (
    RawSheet,
    ReadError,
    ReadLimits,
    ReadOptions,
    read_source,
)
from registry_pipeline.intake.readers.instants import midnights_elsewhere
from registry_pipeline.intake.readers.isolated import read_isolated
from registry_pipeline.intake.readers.source import open_source

READERS = "registry_pipeline/intake/readers"
_RESTORE = "restore them from the backup; the release that was served still is"


@dataclass(frozen=True)
class SheetInfo:
    """What was found in one sheet; the rows lie in a file of their own.

    Attributes:
        sheet_no: from 1 within the file. sha256: of the file of its rows.
        sheet: name of the sheet, of the archive member, or of both; empty for other files.
        n_rows: rows in that file.
        runs: of rows that follow each other without a gap the physical row of the first, and how many they are.
        columns: names of its source columns.
        blank_rows: physical rows without a value.
        rejects: physical row, reason code and message of rows that are no records.
        notes: what was changed without loss while reading.
        warnings: what may have been lost while reading; each is a finding.
        serial_columns, excel_epoch: as of :class:`RawSheet`.
        midnights: column -> the hour of all its moments and whether they say that they are universal time, where
            that is midnight of another zone.
    """

    sheet_no: int
    sha256: str
    sheet: str
    n_rows: int
    runs: list[tuple[int, int]]
    columns: list[str]
    blank_rows: list[int]
    rejects: list[tuple[int, str, str]]
    notes: list[str]
    warnings: list[str]
    serial_columns: dict[str, int]
    excel_epoch: Literal["1900", "1904"] | None
    midnights: dict[str, tuple[str, bool]]


@dataclass(frozen=True)
class RawFile:
    """A landed file as it was read.

    Attributes:
        status: ``read``, or in a sentence why it could not be read.
        encoding, reader: as declared or detected; empty for a file that could not be read.
    """

    landed: LandedFile
    source_name: str
    status: str
    encoding: str
    reader: str
    sheets: list[SheetInfo]

    @property
    def is_read(self) -> bool:
        """Whether the file could be read."""
        return self.status == "read"


def raw_rows(
    home: Home, file: RawFile, sheet: SheetInfo, columns: Iterable[str] | None = None
) -> pl.DataFrame:
    """The rows of one sheet: its source columns as text and ``LINEAGE``, or some of these columns."""
    return read_sheet(_sheet_path(home, file.landed, sheet.sheet_no), columns)


def read_landed(home: Home, landed: LandedFile, source: Source, limits: Limits) -> RawFile:
    """The rows of a landed file, read now or found in the store from an earlier time.

    A file is read again when the options of its source, the limits or the readers themselves change, and when what
    was kept of it is no longer what was written. A file that cannot be read gives a ``RawFile`` that says so. What
    may be different next time (a bug, the time that it took) is not remembered.

    Raises:
        StoreError: a fault of ours, never one of the file: its landed bytes are gone or changed, or the disk
            did not take the rows.
    """
    digest = _digest(landed, source, limits)
    remembered = _remembered(home, landed, digest)
    if remembered is not None:
        return remembered
    path, options = _intact(home, landed), _options(source, limits)
    suffix = Path(landed.source_file).suffix.lower()
    given = (home, path, suffix, options, landed, source.name, source.sheet_globs)
    try:
        with withheld_as_store_error(path):
            raw = read_isolated(path, suffix, options, _read, *given)
    except ReadError as error:
        raw = RawFile(landed, source.name, str(error), "", "", [])
        if error.code in ("exhausted", "reader_failed"):
            return raw
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror}); {_RESTORE}") from None
    _remember(home, raw, digest)
    return raw


def _intact(home: Home, landed: LandedFile) -> Path:
    """Where the landed bytes lie, proved to be those that were received.

    Raises:
        StoreError: they are gone, cannot be read or have changed; the facility has nothing to do with it.
    """
    path = landed_path(home, landed)
    try:
        with withheld_as_store_error(path):
            sha256 = sha256_of(path)
    except OSError as error:
        raise StoreError(f"{path}: the landed bytes cannot be read ({error.strerror}); {_RESTORE}") from None
    if sha256 != landed.sha256:
        raise StoreError(f"{path}: the landed bytes have changed on the disk; {_RESTORE}")
    return path


def _read(
    home: Home, path: Path, suffix: str, options: ReadOptions, landed: LandedFile, source_name: str,
    sheet_globs: Sequence[str],
) -> RawFile:  # fmt: skip
    """Read a file and store its sheets; for files of foreign formats in a process of its own."""
    with open_source(path, options.limits) as opened:
        reader, sheets = read_source(replace(opened, suffix=suffix), options)
        chosen = [sheet for sheet in sheets if _is_of_sheets(sheet, sheet_globs)]
        if len(chosen) > (limit := options.limits.max_sheets):
            raise ReadError("too_large", f"more than {limit} sheets; name those wanted under sheets")
        infos = [
            _store_sheet(home, landed, sheet, sheet_no, label)
            for sheet_no, (sheet, label) in enumerate(zip(chosen, _labels(chosen), strict=True), start=1)
        ]
    encodings = dict.fromkeys(sheet.encoding for sheet in sheets)
    return RawFile(landed, source_name, "read", ", ".join(encodings), reader, infos)


def _options(source: Source, limits: Limits) -> ReadOptions:
    names = source.sheet_globs if not any(set(glob) & set("*?[") for glob in source.sheet_globs) else ()
    bounds = ReadLimits(
        max_cell_bytes=limits.max_cell_bytes,
        max_unpacked_bytes=limits.max_unpacked_bytes,
        max_ratio=limits.max_compression_ratio,
        max_members=limits.max_members,
        max_reader_seconds=limits.max_reader_seconds,
        max_reader_bytes=limits.max_reader_bytes,
    )
    return replace(source.read_options, sheets=names or None, limits=bounds)


def _is_of_sheets(sheet: RawSheet, globs: Sequence[str]) -> bool:
    names = (sheet.sheet, sheet.member)
    return not globs or any(fnmatch.fnmatchcase(name, glob) for name in names if name for glob in globs)


def _labels(sheets: list[RawSheet]) -> list[str]:
    """A name for each sheet that is unique within the file."""
    labels: list[str] = []
    for sheet in sheets:
        label = ":".join(part for part in (sheet.member, sheet.sheet) if part)
        n_same = sum(other == label or other.startswith(f"{label}#") for other in labels)
        labels.append(f"{label}#{n_same + 1}" if n_same else label)
    return labels


def _store_sheet(home: Home, landed: LandedFile, sheet: RawSheet, sheet_no: int, label: str) -> SheetInfo:
    names = [name for name in sheet.frame.columns if name != "source_row"]
    stored = {name: _free(name, names) for name in names}
    source_row, height = sheet.frame["source_row"].cast(pl.Int64), sheet.frame.height
    place = {"submission_id": landed.submission_id, "source_file": landed.source_file, "sheet": label}
    # column by column: of most files a plan takes longer than what it does
    frame = pl.DataFrame(
        [
            *(sheet.frame[name].cast(pl.String).alias(stored[name]) for name in names),
            (source_row + row_id(landed.file_no, sheet_no, 0)).alias("_row_id"),
            *(constant(name, value, pl.String, height) for name, value in place.items()),
            source_row,
        ]
    )
    return SheetInfo(
        sheet_no=sheet_no,
        sha256=write_sheet(frame, _sheet_path(home, landed, sheet_no)),
        sheet=label,
        n_rows=frame.height,
        runs=_runs(frame["source_row"]),
        columns=list(stored.values()),
        blank_rows=sheet.blank_rows,
        rejects=[(reject.source_row, reject.reason_code, reject.message) for reject in sheet.rejects],
        notes=sheet.notes,
        warnings=sheet.warnings,
        serial_columns={stored[name]: n for name, n in sheet.serial_columns.items()},
        excel_epoch=sheet.excel_epoch,
        midnights=midnights_elsewhere(frame[list(stored.values())]),
    )


def _runs(rows: pl.Series) -> list[tuple[int, int]]:
    """Where the physical rows of a sheet begin anew, and how many follow from there."""
    numbers = rows.to_numpy()
    begins = np.flatnonzero(np.diff(numbers, prepend=-2) != 1)
    return list(zip(numbers[begins].tolist(), np.diff(begins, append=len(numbers)).tolist(), strict=True))


def _free(name: str, names: list[str]) -> str:
    """A source column must not hide a lineage column of the same name."""
    number = 2
    free = name
    while free in LINEAGE or (free != name and free in names):
        free, number = f"{name}__{number}", number + 1
    return free


def _remember(home: Home, raw: RawFile, digest: str) -> None:
    content = {**vars(raw), "sheets": [vars(sheet) for sheet in raw.sheets]}
    content.pop("landed")
    write_hashed_json({"reading": digest, "file": content}, _note_path(home, raw.landed), is_noted=True)


def _remembered(home: Home, landed: LandedFile, digest: str) -> RawFile | None:
    """What was kept of a file, where it is of this reading and still what was written; else None."""
    try:
        note = read_hashed_json(_note_path(home, landed))
        if note["reading"] != digest:
            return None
        content = note["file"]
        sheets = [SheetInfo(**sheet) for sheet in content.pop("sheets")]
        if any(digest_of_file(_sheet_path(home, landed, sheet.sheet_no)) != sheet.sha256 for sheet in sheets):
            return None
        return RawFile(landed=landed, sheets=sheets, **content)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _digest(landed: LandedFile, source: Source, limits: Limits) -> str:
    options = _options_digest(_options(source, limits))
    code = [code_digest(__name__), rooms_digest(READERS)]  # readers are looked up by name
    return json_digest([vars(landed), source.name, list(source.sheet_globs), options, code])


@cache
def _options_digest(options: ReadOptions) -> str:
    return json_digest(asdict(options))


def _note_path(home: Home, landed: LandedFile) -> Path:
    return note_path(home, landed.facility_id, landed.file_no)


def _sheet_path(home: Home, landed: LandedFile, sheet_no: int) -> Path:
    return sheet_path(home, landed.facility_id, landed.file_no, sheet_no)
