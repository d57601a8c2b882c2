"""Landed bytes to text rows in the store, each file once.

Belongs here: running a reader, numbering rows, writing and finding again the Parquet of the raw layer.
Does not belong here: which rows count or what they mean (``stage.py``).

``_row_id`` carries where a row stood (``core/row_id.py``).
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import polars as pl

from registry_pipeline.core.files import StoreError, sha256_of, whole_file, write_json
from registry_pipeline.core.home import Home
from registry_pipeline.core.row_id import LINEAGE, row_id
from registry_pipeline.core.settings import Limits
from registry_pipeline.intake.landing.land import LandedFile, landed_path
from registry_pipeline.intake.mapping.model import Source
from registry_pipeline.intake.readers import (
    RawSheet,
    ReadError,
    ReadLimits,
    ReadOptions,
    read_source,
)
from registry_pipeline.intake.readers.source import open_source

MAX_SHEETS = 255


@dataclass(frozen=True)
class SheetInfo:
    """What was found in one sheet; the rows lie in the Parquet file next to it.

    Attributes:
        sheet_no: from 1 within the file.
        sheet: name of the sheet, of the archive member, or of both; empty for other files.
        n_rows: rows in the Parquet file.
        columns: names of its source columns.
        blank_rows: physical rows without a value.
        rejects: physical row, reason code and message of rows that are no records.
        notes: what was changed without loss while reading.
        warnings: what may have been lost while reading; each is a finding.
        serial_columns, excel_epoch: as of :class:`RawSheet`.
    """

    sheet_no: int
    sheet: str
    n_rows: int
    columns: list[str]
    blank_rows: list[int]
    rejects: list[tuple[int, str, str]]
    notes: list[str]
    warnings: list[str]
    serial_columns: dict[str, int]
    excel_epoch: Literal["1900", "1904"] | None


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


def raw_rows(home: Home, file: RawFile, sheet: SheetInfo) -> pl.LazyFrame:
    """The rows of one sheet: its source columns as text, and ``LINEAGE``."""
    return pl.scan_parquet(_parquet_path(home, file.landed, sheet.sheet_no), glob=False)


def read_landed(home: Home, landed: LandedFile, source: Source, limits: Limits) -> RawFile:
    """The rows of a landed file, read now or found in the store from an earlier time.

    A file is read again when the options of its source, the limits or the readers themselves change.
    A file that cannot be read gives a ``RawFile`` that says so. What may be different next time (the disk,
    a bug) is not remembered.

    Raises:
        StoreError: the rows were read and could not be written: a fault of the disk, never one of the file.
    """
    digest = _digest(landed, source, limits)
    remembered = _remembered(home, landed, digest)
    if remembered is not None:
        return remembered
    try:
        made = _read(home, landed, source, limits)
    except StoreError:
        raise
    except ReadError as error:
        made = RawFile(landed, source.name, str(error), "", "", [])
    except OSError as error:
        return RawFile(landed, source.name, f"cannot be opened ({error.strerror})", "", "", [])
    except Exception as error:  # a reader that meets what it does not know must not stop a refresh
        status = f"the reader failed ({type(error).__name__}); report it"
        return RawFile(landed, source.name, status, "", "", [])
    _remember(home, made, digest)
    return made


def _read(home: Home, landed: LandedFile, source: Source, limits: Limits) -> RawFile:
    path = landed_path(home, landed)
    if sha256_of(path) != landed.sha256:
        raise OSError(0, "the landed bytes have changed on disk; restore them from the backup")
    options = _options(source, limits)
    with open_source(path, options.limits) as found:
        named = replace(found, suffix=Path(landed.source_file).suffix.lower())
        reader, sheets = read_source(named, options)
        encodings = dict.fromkeys(one.encoding for one in sheets)
        wanted = [one for one in sheets if _is_wanted(one, source)]
        if len(wanted) > MAX_SHEETS:
            raise ReadError("too_large", f"more than {MAX_SHEETS} sheets; name those wanted under sheets")
        infos = [
            _store_sheet(home, landed, one, sheet_no, label)
            for sheet_no, (one, label) in enumerate(zip(wanted, _labels(wanted), strict=True), start=1)
        ]
    return RawFile(landed, source.name, "read", ", ".join(encodings), reader, infos)


def _options(source: Source, limits: Limits) -> ReadOptions:
    wanted = source.sheet_globs if not any(set(one) & set("*?[") for one in source.sheet_globs) else ()
    bounds = ReadLimits(
        max_cell_bytes=limits.max_cell_bytes,
        max_unpacked_bytes=limits.max_unpacked_bytes,
        max_ratio=limits.max_compression_ratio,
        max_members=limits.max_members,
    )
    return replace(source.read_options, sheets=wanted or None, limits=bounds)


def _is_wanted(sheet: RawSheet, source: Source) -> bool:
    names = (sheet.sheet, sheet.member)
    globs = source.sheet_globs
    return not globs or any(fnmatch.fnmatchcase(name, glob) for name in names if name for glob in globs)


def _labels(sheets: list[RawSheet]) -> list[str]:
    """A name for each sheet that is unique within the file."""
    labels: list[str] = []
    for one in sheets:
        label = ":".join(part for part in (one.member, one.sheet) if part)
        n_same = sum(other == label or other.startswith(f"{label}#") for other in labels)
        labels.append(f"{label}#{n_same + 1}" if n_same else label)
    return labels


def _store_sheet(home: Home, landed: LandedFile, sheet: RawSheet, sheet_no: int, label: str) -> SheetInfo:
    names = [name for name in sheet.frame.columns if name != "source_row"]
    stored = {name: _free(name, names) for name in names}
    frame = sheet.frame.select(
        *(pl.col(name).cast(pl.String).alias(stored[name]) for name in names),
        (pl.col("source_row").cast(pl.Int64) + row_id(landed.file_no, sheet_no, 0)).alias("_row_id"),
        pl.lit(landed.submission_id).alias("submission_id"),
        pl.lit(landed.source_file).alias("source_file"),
        pl.lit(label).alias("sheet"),
        pl.col("source_row").cast(pl.Int64),
    )
    with whole_file(_parquet_path(home, landed, sheet_no)) as path:
        # read back at once and whole: packing takes longer than it saves, and nobody asks for the range of a text
        frame.write_parquet(path, compression="uncompressed", statistics=False)
    return SheetInfo(
        sheet_no=sheet_no,
        sheet=label,
        n_rows=frame.height,
        columns=list(stored.values()),
        blank_rows=sheet.blank_rows,
        rejects=[(one.source_row, one.reason_code, one.message) for one in sheet.rejects],
        notes=sheet.notes,
        warnings=sheet.warnings,
        serial_columns={stored[name]: n for name, n in sheet.serial_columns.items()},
        excel_epoch=sheet.excel_epoch,
    )


def _free(name: str, names: list[str]) -> str:
    """A source column must not hide a lineage column of the same name."""
    number = 2
    free = name
    while free in LINEAGE or (free != name and free in names):
        free, number = f"{name}__{number}", number + 1
    return free


def _remember(home: Home, made: RawFile, digest: str) -> None:
    content = {"digest": digest, **asdict(made)}
    write_json(content, _info_path(home, made.landed))


def _remembered(home: Home, landed: LandedFile, digest: str) -> RawFile | None:
    try:
        content = json.loads(_info_path(home, landed).read_text(encoding="utf-8"))
        if content.pop("digest") != digest:
            return None
        sheets = [SheetInfo(**one) for one in content.pop("sheets")]
        content.pop("landed")
        made = RawFile(landed=landed, sheets=sheets, **content)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    paths = [_parquet_path(home, landed, one.sheet_no) for one in sheets]
    return made if all(path.is_file() for path in paths) else None


def _digest(landed: LandedFile, source: Source, limits: Limits) -> str:
    options = asdict(_options(source, limits))
    parts = [asdict(landed), source.name, list(source.sheet_globs), options, _readers_digest()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


@cache
def _readers_digest() -> str:
    digest = hashlib.sha256()
    for path in sorted((Path(__file__).parents[1] / "readers").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _info_path(home: Home, landed: LandedFile) -> Path:
    return home.store / "raw" / landed.facility_id / f"{landed.file_no}.json"


def _parquet_path(home: Home, landed: LandedFile, sheet_no: int) -> Path:
    return home.store / "raw" / landed.facility_id / f"{landed.file_no}.{sheet_no}.parquet"
