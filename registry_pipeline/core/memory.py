"""Memory: amounts as people write them, what processes hold, and an end before they hold too much.

Belongs here: the bound of a whole refresh. Does not belong here: how much that is (``core/settings.py``), the bound of
one reader (``core/helper_process.py``).

Frames of polars and arrays of NumPy know no limit, and a limit of the system (``RLIMIT_AS``) counts addresses, of which
native libraries reserve far more than they use, and ends a process in the middle of a native call. So a thread looks at
what is held, asks the work to stop in time, and ends the process where it cannot be asked.
"""

from __future__ import annotations

import _thread
import ctypes
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from registry_pipeline.core.files import StoreError

_AMOUNT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s?([KMGT])(i?)B")
_SHARE_TO_STOP = 0.9
"""Of the bound: from here on the work is asked to stop, which it does when its native call has ended."""
_PAUSE, _BETWEEN_REQUESTS = 0.2, 2.0
_REFUSED = 1
_WATCHED = threading.Lock()
_AT_THE_END: list[Callable[[], str]] = []


class MemoryInterrupt(BaseException):
    """The work is to stop; no guard of a rule or a page may take it for a failure of its own."""


def memory_bytes(text: str) -> float | None:
    """An amount such as ``4GB`` or ``1.5 GiB`` in bytes; None for anything else."""
    if (match := _AMOUNT.fullmatch(text)) is None:
        return None
    base = 1024.0 if match[3] else 1000.0
    return float(match[1]) * base ** ("KMGT".index(match[2]) + 1)


def held_bytes(pid: int) -> int:
    """Memory that a process holds and the system cannot take back; 0 where the system does not tell (``/proc``)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return sum(
        1024 * int(kb) for kb in re.findall(r"^(?:RssAnon|RssShmem):\s+(\d+) kB", status, re.MULTILINE)
    )


def held_with_children(pid: int) -> int:
    """What a process and all that it started hold together."""
    return held_bytes(pid) + sum(held_with_children(child) for child in _children(pid))


def freed_with_children(pid: int) -> int:
    """What of that its libraries have given back and the system has not taken yet (``MADV_FREE``); dear to ask."""
    own = 0
    with suppress(OSError):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        own = sum(1024 * int(kb) for kb in re.findall(r"^LazyFree:\s+(\d+) kB", rollup, re.MULTILINE))
    return own + sum(freed_with_children(child) for child in _children(pid))


def _children(pid: int) -> list[int]:
    children: list[int] = []
    with suppress(OSError):  # it has ended; the watch must go on
        for thread in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(OSError):
                children += map(int, thread.read_text().split())
    return children


def give_back() -> None:
    """Hand what is free again to the system: the C library keeps it for later, where it is glibc."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def bounded_memory(limit: str) -> Iterator[None]:
    """Inside the block this process and those that it starts hold no more than the limit; else the block is ended.

    Inside a block that is bounded already, nothing is done.

    Args:
        limit: an amount, as registry.toml writes it.

    Raises:
        StoreError: the limit was reached. Where the work does not stop in time, the process ends instead, with the
            same line and exit code 1; what is served stays served.
    """
    n_bytes = memory_bytes(limit)
    if n_bytes is None:
        raise ValueError(f"no amount of memory: {limit}")
    if not _WATCHED.acquire(blocking=False):
        yield
        return
    message = (
        f"stopped before it took more memory than refresh.memory_limit in registry.toml allows ({limit}); the release "
        'that was served still is. Allow more, or have the facility send its file in parts (mode = "incremental").'
    )
    has_ended = threading.Event()
    before = _let_interrupt(message, has_ended)
    watch = threading.Thread(target=_watch, args=(n_bytes, message, has_ended), daemon=True)
    try:
        try:
            watch.start()
            yield
        finally:
            has_ended.set()  # an interrupt that comes just now is met by the handler below, a later one is passed over
    except MemoryInterrupt as problem:
        raise StoreError(str(problem)) from None
    finally:
        has_ended.set()
        watch.join()
        if before is not None:
            signal.signal(signal.SIGUSR2, before)
        _WATCHED.release()


@contextmanager
def at_the_end(act: Callable[[], str]) -> Iterator[None]:
    """Inside the block the watch does this before it ends the process; what it gives stands with the reason."""
    _AT_THE_END.append(act)
    try:
        yield
    finally:
        _AT_THE_END.remove(act)


def _let_interrupt(message: str, has_ended: threading.Event) -> Any:
    """Let the watch interrupt this thread until the work has ended, where it is the main one; the handler before."""
    if threading.current_thread() is not threading.main_thread():
        return None

    def interrupt(_: int, __: FrameType | None) -> None:
        if not has_ended.is_set():
            raise MemoryInterrupt(message)

    return signal.signal(signal.SIGUSR2, interrupt) or signal.SIG_DFL


def _watch(n_bytes: float, message: str, has_ended: threading.Event) -> None:
    latest = -_BETWEEN_REQUESTS
    while not has_ended.wait(_PAUSE):
        held = held_with_children(os.getpid())
        if held > _SHARE_TO_STOP * n_bytes:
            held -= freed_with_children(os.getpid())
        if held > n_bytes:
            for act in _AT_THE_END[-1:]:
                with suppress(Exception):  # whatever becomes of it, the process ends
                    message = f"{message} {act()}".rstrip()
            sys.stderr.write(f"registry: {message}\n")
            sys.stderr.flush()
            os._exit(_REFUSED)
        if held > _SHARE_TO_STOP * n_bytes and time.monotonic() - latest > _BETWEEN_REQUESTS:
            latest = time.monotonic()
            _thread.interrupt_main(signal.SIGUSR2)
