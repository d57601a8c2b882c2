"""Working files in Parquet, and small ones that no SQL reads as Arrow's stream: written whole, read whole or not believed.

Belongs here: writing and reading files of rows of the store.
Does not belong here: writing atomically (``core/files.py``), what is in the files, releases (``release.py``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from registry_pipeline.core.files import StoreError, system_refusal, whole_file
from registry_pipeline.core.native_panics import panics_as_exceptions

if TYPE_CHECKING:
    import polars as pl


_MAGIC = b"PAR1"
_FEW_ROWS = 20_000
"""Packed as Arrow's stream; more take longer to unpack than Parquet to read."""


def write_parquet(frame: pl.DataFrame, path: Path) -> Path:
    """Write a polars frame, atomically; its step or its folder of tables notes the hash of the file.

    Raises:
        StoreError: the disk is full or the folder cannot be written.
    """
    with whole_file(path, is_noted=True) as temporary:
        if frame.height:
            _write(frame, temporary)
        else:  # a third of the files of a small facility
            temporary.write_bytes(_of_no_rows(tuple(frame.schema.items())))
    return path


def write_rows(frame: pl.DataFrame, path: Path) -> Path:
    """Write a frame that only what is here reads, and no SQL, atomically; few rows take Parquet five times as long.

    Raises:
        StoreError: the disk is full or the folder cannot be written.
    """
    import numpy as np
    import polars as pl

    if frame.height > _FEW_ROWS:
        return write_parquet(frame, path)
    # a copy, of plain texts: rows that were cut from others may point into their buffers and fill bytes with their bits
    own = frame[np.arange(frame.height)] if frame.height else pl.DataFrame(schema=frame.schema)
    with whole_file(path, is_noted=True) as temporary:
        own.write_ipc_stream(temporary, compression="lz4", compat_level=pl.CompatLevel.oldest())
    return path


def _write(frame: pl.DataFrame, target: Path | BytesIO) -> None:
    # Read back within minutes, once or twice and whole: packing and unpacking, and the ranges of values that
    # nobody asks for, take as long as the rest of the writing together.
    frame.write_parquet(target, compression="uncompressed", statistics=False)


@cache
def _of_no_rows(schema: tuple[tuple[str, pl.DataType], ...]) -> bytes:
    import polars as pl

    target = BytesIO()
    _write(pl.DataFrame(schema=dict(schema)), target)
    return target.getvalue()


def rows_digest(rows: pl.DataFrame) -> str:
    """SHA-256 of rows: the same for the same values in the same order, whatever they were taken from."""
    import polars as pl

    plain = rows.write_ipc(None, compat_level=pl.CompatLevel.oldest())  # no views into buffers of other rows
    return hashlib.sha256(plain.getbuffer()).hexdigest()


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Read a working file, all of it or some columns.

    Raises:
        StoreError: the file is missing or is not Parquet.
    """
    import polars as pl

    names = None if columns is None else list(columns)
    with _readable(path):
        if not _is_parquet(path):
            rows = pl.read_ipc_stream(path, columns=names)
            return rows if names is None else rows.select(names)
        return pl.read_parquet(path, columns=names)


def scan_rows(path: Path) -> pl.LazyFrame:
    """A working file to be read with what is asked of it.

    Raises:
        StoreError: the file is missing, or is small and damaged.
    """
    import polars as pl

    with _readable(path):
        return pl.scan_parquet(path, glob=False) if _is_parquet(path) else read_parquet(path).lazy()


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def read_all_parquet(paths: Sequence[Path]) -> list[pl.DataFrame]:
    """Read small working files together, in a third of the time.

    Raises:
        StoreError: a file is missing or is not Parquet.
    """
    import polars as pl

    with _readable(*paths):
        return pl.collect_all([scan_rows(path) for path in paths])


def read_rows(paths: Sequence[Path]) -> pl.DataFrame:
    """The rows of working files of one shape, at least one, under one another; raises as :func:`read_all_parquet`."""
    import polars as pl

    return pl.concat(read_all_parquet(paths))


@dataclass(frozen=True)
class StoredRows:
    """Rows of a working file, of which a slice at a time is read."""

    path: Path

    def iter_slices(self, n_rows: int = 10_000, /) -> Iterator[pl.DataFrame]:
        """The rows in their order, at most so many at a time.

        Raises:
            StoreError: the file is missing or is not Parquet.
        """

        rows = scan_rows(self.path)
        for begin in range(0, count_rows(self.path), n_rows):
            with _readable(self.path):
                part = rows.slice(begin, n_rows).collect()
            yield part


def gather_parquet(files: Sequence[Path], path: Path, without: Sequence[str] = ()) -> Path:
    """Write several working files of one shape under one another, without holding their rows in memory.

    Args:
        without: columns that are left out.

    Raises:
        StoreError: a file is missing or is not Parquet, the disk is full.
    """
    import polars as pl

    rows = pl.concat([pl.scan_parquet(file, glob=False) for file in files]).drop(without, strict=False)
    with whole_file(path, is_noted=True) as temporary, _readable(*files):
        rows.sink_parquet(temporary, compression="uncompressed", statistics=False)
    return path


def count_rows(path: Path) -> int:
    """The number of rows of a working file, without reading them.

    Raises:
        StoreError: the file is missing or is not Parquet.
    """
    from pyarrow.parquet import (
        read_metadata,
    )  # a plan of polars takes ten times as long, and a release counts hundreds

    with _readable(path):
        return int(read_metadata(path).num_rows) if _is_parquet(path) else read_parquet(path).height


@contextmanager
def _readable(*paths: Path) -> Iterator[None]:
    """Say in one line that a working file cannot be read."""
    for path in paths:
        if not path.is_file():
            raise StoreError(f"{path}: the working file is missing; run: registry refresh --force")
    try:
        with panics_as_exceptions():
            yield
    except Exception as problem:
        if system_refusal(problem) is not None:
            raise
        names = ", ".join(map(str, paths))
        raise StoreError(f"{names}: the working file is damaged; run: registry refresh --force") from None
