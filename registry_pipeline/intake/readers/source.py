"""A file's bytes, opened once and never written, whether they lie on disk or came out of an archive.

Belongs here: opening, size limits, slices. Does not belong here: what the bytes mean.
"""

from __future__ import annotations

import mmap
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from registry_pipeline.intake.readers.model import ReadError, ReadLimits


@dataclass(frozen=True)
class Source:
    """Bytes with the name that says what they may be; ``suffix`` is lower case with its dot."""

    data: bytes | mmap.mmap
    suffix: str
    path: Path | None = None

    @property
    def n_bytes(self) -> int:
        """Length in bytes."""
        return len(self.data)

    def head(self, n: int = 65_536) -> bytes:
        """The first n bytes."""
        return self.data[:n]

    def whole(self) -> bytes:
        """All bytes; for formats that cannot be read piecewise."""
        return self.data if isinstance(self.data, bytes) else self.data[:]


@contextmanager
def open_source(path: Path, limits: ReadLimits) -> Iterator[Source]:
    """Map a regular file into memory, refusing what is missing, empty, too large or no file."""
    try:
        status = path.stat()
    except OSError as error:
        raise ReadError("missing", "the file is not there or may not be read; put it back") from error
    if stat.S_ISDIR(status.st_mode):
        raise ReadError("directory", "this is a folder, not a file; put the files themselves into the inbox")
    if not stat.S_ISREG(status.st_mode):
        raise ReadError("not_a_file", "this is a device, socket or pipe; put a regular file into the inbox")
    if status.st_size == 0:
        raise ReadError("empty", "the file has no bytes; ask the facility to export and send it again")
    if status.st_size > limits.max_file_bytes:
        raise ReadError("too_large", f"{status.st_size:,} bytes, more than {limits.max_file_bytes:,} allowed")
    try:
        handle = path.open("rb")
    except OSError as error:
        raise ReadError("missing", "the file may not be read; check its owner and mode") from error
    with handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield Source(data, path.suffix.lower(), path)
