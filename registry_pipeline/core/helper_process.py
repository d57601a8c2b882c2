"""A second process beside this one, for work that is worth a core of its own.

Belongs here: starting it, asking it, its end with ours or before, bringing back what it made or why it failed.
Does not belong here: what is worth asking it.
"""

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, TypeVar

from registry_pipeline.core.native_panics import panics_as_exceptions

T = TypeVar("T")
_FIRST_LOOK, _LONGEST_LOOK = 0.001, 0.02


@dataclass(frozen=True)
class Bounds:
    """What one call of a helper may take.

    Attributes:
        seconds: wall time.
        n_bytes: resident memory of the whole process, as far as the system tells it (``/proc``).
    """

    seconds: float
    n_bytes: int


class OutOfBounds(Exception):
    """A call was ended because it took more than it may; ``what`` is ``time`` or ``memory``."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class ProcessDied(RuntimeError):
    """The process ended by itself in the middle of a call, as where a native library aborts."""


class Helper:
    """A process that calls functions for this one, one after the other; when this process is killed, it dies too."""

    def __init__(self, modules: Sequence[str] = (), is_silent: bool = False) -> None:
        """Start it; it imports the modules while nobody asks for anything.

        Args:
            is_silent: nothing that it prints is shown, and it leaves no core file: both may quote records.
        """
        self.modules = tuple(modules)
        spawning = multiprocessing.get_context("spawn")  # a fork would copy locks that threads of polars hold
        self._ours, theirs = spawning.Pipe()
        self._process = spawning.Process(target=_serve, args=(theirs, self.modules, is_silent), daemon=True)
        self._process.start()
        theirs.close()

    def call(self, function: Callable[..., T], *arguments: object, bounds: Bounds | None = None) -> T:
        """What the function gives, called over there; waits for it.

        Args:
            function: of a module's top level; it, its arguments and its result are pickled.

        Raises:
            OutOfBounds: it took more than ``bounds`` and was killed.
            MemoryError: the process was killed, which the system does to who takes too much.
            ProcessDied: it ended by itself: a native library aborted, or a script that refreshes needs ``if __name__ == "__main__":``, for the
                process imports it.
            Exception: whatever the function raised.
        """
        try:
            self._ours.send((function, arguments))
            if bounds is not None:
                self._watch(bounds)
            is_made, outcome = self._ours.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise self._ended() from None
        if not is_made:
            raise outcome
        result: T = outcome
        return result

    def _ended(self) -> Exception:
        self._process.join()
        code = self._process.exitcode
        if code == -signal.SIGKILL:
            return MemoryError("a process that made a part of the results was killed")
        return ProcessDied(f"a process that was to make a part of the results ended with {code}")

    def _watch(self, bounds: Bounds) -> None:
        """Wait for an answer, no longer than the bounds allow."""
        latest, pause = time.monotonic() + bounds.seconds, _FIRST_LOOK
        while not self._ours.poll(pause):
            pause = min(2 * pause, _LONGEST_LOOK)
            is_late = time.monotonic() > latest
            if is_late or self.resident_bytes() > bounds.n_bytes:
                self.end()
                raise OutOfBounds("time" if is_late else "memory")

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked; the system may end it while nobody does."""
        return self._process.is_alive()

    def resident_bytes(self) -> int:
        """The memory that it holds; 0 where the system does not tell."""
        try:
            pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def end(self) -> None:
        """Kill it, whatever it does."""
        self._process.kill()
        self._process.join()
        self._ours.close()


class _Running:
    """The helper that is kept for the length of a command, if one is."""

    is_wanted = False
    helper: Helper | None = None


def has_second_core() -> bool:
    """Whether a second process would have a core for itself."""
    return len(os.sched_getaffinity(0)) > 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) > 1


@contextmanager
def keeping_helper() -> Iterator[None]:
    """Inside the block one helper serves all who ask, from :func:`warm_helper` on: it starts and imports once."""
    was_wanted, _Running.is_wanted = _Running.is_wanted, True
    try:
        yield
    finally:
        _Running.is_wanted = was_wanted
        if not was_wanted:
            _end_running()


def warm_helper(modules: Sequence[str]) -> None:
    """Start the helper that is kept, if one shall be: it imports the modules before somebody asks it."""
    if _Running.is_wanted and _Running.helper is None and has_second_core():
        _Running.helper = Helper(modules)


@contextmanager
def helping(is_worth_starting: bool) -> Iterator[Helper | None]:
    """The helper that is kept, else a new one where that pays; None where there is none, or no core for it.

    A kept one that died while nobody asked it (the system ends who holds memory) is started anew. An error inside the block ends the helper: it may still be busy with what nobody waits for any more.
    """
    if _Running.helper is not None and not _Running.helper.is_alive:
        _Running.helper = Helper(_Running.helper.modules)
    running = _Running.helper
    helper = running or (Helper() if is_worth_starting and has_second_core() else None)
    try:
        yield helper
    except BaseException:
        _end_running()
        raise
    finally:
        if helper is not None and helper is not running:
            helper.end()


def run_shared(
    names: Iterable[str], in_process: Callable[[str], T], in_helper: Callable[[str], T] | None
) -> dict[str, T]:
    """What becomes of every name: this process takes from the front, a helper from the end, until they meet.

    Args:
        in_process: called with a name.
        in_helper: the same, for a thread that waits for a helper; None where there is none.
    """
    waiting = deque(names)
    results: dict[str, T] = {}

    def work(run: Callable[[str], T]) -> None:
        while (name := _next(waiting.pop)) is not None:
            results[name] = run(name)

    lane = ThreadPoolExecutor(1)
    other = None if in_helper is None else lane.submit(work, in_helper)
    try:
        while (name := _next(waiting.popleft)) is not None:
            results[name] = in_process(name)
        if other is not None:
            other.result()
        return results
    finally:
        waiting.clear()
        lane.shutdown(wait=False)


def _next(take: Callable[[], str]) -> str | None:
    try:
        return take()
    except IndexError:
        return None


def _end_running() -> None:
    if _Running.helper is not None:
        _Running.helper.end()
        _Running.helper = None


def _serve(theirs: Connection, modules: Sequence[str], is_silent: bool) -> None:
    """In the other process: do what is asked and send what came of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells both; ours decides
    threading.Thread(target=_die_with_parent, daemon=True).start()
    if is_silent:
        _fall_silent()
    for module in modules:
        import_module(module)
    while True:
        try:
            function, arguments = theirs.recv()
        except EOFError:
            return
        _answer(theirs, function, arguments)


def _fall_silent() -> None:
    with suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)


def _answer(theirs: Connection, function: Callable[..., Any], arguments: Sequence[object]) -> None:
    try:
        with panics_as_exceptions():
            theirs.send((True, function(*arguments)))
    except Exception as problem:
        problem.add_note(traceback.format_exc())  # pickling drops the way to it
        try:
            with panics_as_exceptions():
                theirs.send((False, problem))
        except Exception:  # it holds what cannot be pickled
            theirs.send((False, RuntimeError(f"{type(problem).__name__} in another process")))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
