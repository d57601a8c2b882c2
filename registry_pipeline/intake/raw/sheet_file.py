"""The rows of a sheet as read, in a file of their own.

Belongs here: where such files and what is noted of them lie, writing and reading rows.
Does not belong here: reading what was received (``store.py``), looking cells up (``lookup.py``).

Arrow's stream, packed: what facilities send are many small files, of which Parquet takes several times as long to write
and to read; of a large one it is a quarter of the bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from registry_pipeline.core.files import whole_file
from registry_pipeline.core.home import Home
from registry_pipeline.core.working_files import digest_of_file

SUFFIX = ".arrows"


def sheet_path(home: Home, facility_id: str, file_no: int, sheet_no: int) -> Path:
    """Where the rows of a sheet lie."""
    return home.store / "raw" / facility_id / f"{file_no}.{sheet_no}{SUFFIX}"


def note_path(home: Home, facility_id: str, file_no: int) -> Path:
    """Where lies what is noted of the sheets of a file."""
    return home.store / "raw" / facility_id / f"{file_no}.json"


def write_sheet(frame: pl.DataFrame, path: Path) -> str:
    """Write the rows of a sheet, atomically; gives the SHA-256 of the file, which a note has to hold.

    Raises:
        StoreError: the disk is full or the folder cannot be written.
    """
    with whole_file(path, is_noted=True) as temporary:
        frame.write_ipc_stream(temporary, compression="zstd")
    return digest_of_file(path)


def read_sheet(path: Path, columns: Iterable[str] | None = None) -> pl.DataFrame:
    """The rows of a sheet, all columns or some; the file has been compared with its note."""
    names = None if columns is None else list(dict.fromkeys(columns))
    return pl.read_ipc_stream(path, columns=names)
