"""Files of foreign formats, read in a process of their own that may die without harm.

Belongs here: which files need it, how much time and memory a file may take, what its death says of the file.
Does not belong here: starting and watching processes (``core/helper_process.py``), reading.

Native libraries abort, panic or allocate without end on files that are damaged or made to do harm. One warm
process reads one file after the other; it is replaced when it dies, and when it holds more than it should. Plain
delimited text is read by our own bounded code and needs none.
"""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from registry_pipeline.core.files import StoreError
from registry_pipeline.core.helper_process import Bounds, Helper, OutOfBounds, ProcessDied
from registry_pipeline.core.native_panics import panics_as_exceptions
from registry_pipeline.intake.readers import format_of
from registry_pipeline.intake.readers.formats import formats
from registry_pipeline.intake.readers.model import ReadError, ReadLimits, ReadOptions
from registry_pipeline.intake.readers.source import Source, open_source

T = TypeVar("T")
_MODULES = ("registry_pipeline.intake.raw.store", "fastexcel")
_TEXT = ("csv", "tsv")
_BASE_SECONDS, _SECONDS_PER_MB = 45.0, 2.0
_BASE_BYTES, _BYTES_PER_BYTE = 800 * 2**20, 12
_KEPT_BYTES = 500 * 2**20
"""A process that holds more after its work is replaced: polars gives little back."""
_GONE_MESSAGE = "the library that reads it gave up on this file; it may be damaged: save it anew as CSV"


class _Reader:
    """The one warm process; threads take turns."""

    lock = threading.Lock()
    helper: Helper | None = None


def read_isolated(
    path: Path, suffix: str, options: ReadOptions, function: Callable[..., T], *arguments: object
) -> T:
    """What ``function(*arguments)`` makes of a file, called in a process of its own where the format is foreign.

    Args:
        path: the file that the function reads.
        suffix: of its name as received, lower case with its dot.
        options: with the limits; ``format`` as declared.
        function: of a module's top level; it, its arguments and its result are pickled.

    Raises:
        ReadError: ``exhausted`` (time or memory), ``reader_died``, ``reader_failed`` (a bug of ours), and what the
            function raises.
    """
    with open_source(path, options.limits) as mapped:
        source = Source(mapped.data, suffix, path)
        name = format_of(source, options)
        bounds = Bounds(*allowance(source, name, options.limits))
    try:
        with panics_as_exceptions():
            return function(*arguments) if name in _TEXT else _call(function, arguments, bounds)
    except (ReadError, StoreError, OSError):
        raise
    except Exception as error:  # a reader that meets what it does not know must not stop a refresh
        raise ReadError("reader_failed", f"the reader failed ({type(error).__name__}); report it") from None


def allowance(source: Source, name: str, limits: ReadLimits) -> tuple[float, int]:
    """Seconds and bytes that reading a file may take, by what it unpacks to."""
    n_bytes = source.n_bytes * formats()[name].unpacked
    if source.head(4) == b"PK\x03\x04" and source.path is not None:
        with zipfile.ZipFile(source.path) as archive:  # its directory was judged when the format was told
            n_bytes = sum(member.file_size for member in archive.infolist())
    seconds = _BASE_SECONDS + _SECONDS_PER_MB * n_bytes / 2**20
    memory = _BASE_BYTES + _BYTES_PER_BYTE * n_bytes
    return min(seconds, limits.max_reader_seconds), min(memory, limits.max_reader_bytes)


def _call(function: Callable[..., T], arguments: tuple[object, ...], bounds: Bounds) -> T:
    with _Reader.lock:
        if _Reader.helper is not None and not _Reader.helper.is_alive:
            _end()  # it died while it had nothing to read: no fault of this file
        if _Reader.helper is None:
            _Reader.helper = Helper(_MODULES, is_silent=True)
        helper = _Reader.helper
        try:
            result = helper.call(function, *arguments, bounds=bounds)
        except OutOfBounds as death:
            _end()
            raise ReadError("exhausted", _message(death, bounds)) from None
        except MemoryError:
            _end()
            raise ReadError(
                "exhausted", "the system ended its reading for want of memory; split the file"
            ) from None
        except ProcessDied:
            _end()
            raise ReadError("reader_died", _GONE_MESSAGE) from None
        if helper.resident_bytes() > _KEPT_BYTES:
            _end()
        return result


def _message(death: OutOfBounds, bounds: Bounds) -> str:
    if death.what == "time":
        return f"reading it took more than {bounds.seconds:.0f} seconds and was ended; split the file or send CSV"
    n_mb = bounds.n_bytes // 2**20
    return f"reading it took more than {n_mb:,} MB of memory and was ended; split the file or send CSV"


def _end() -> None:
    if _Reader.helper is not None:
        _Reader.helper.end()
        _Reader.helper = None
