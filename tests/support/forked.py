"""Commands in processes that are forked from one that has imported everything and run nothing.

Belongs here: starting them, killing them before a change of a file or at a moment, their end.
Does not belong here: which commands (``tests/fault/kills``). A process that forks must not have used polars or DuckDB: their
threads do not survive a fork.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

CHANGES = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.chmod"})
"""Audit events that precede a system call by which a file appears, goes or changes its name."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass
class Command:
    """A running process that leads a session of its own.

    Attributes:
        pid: of the process; its session and group have the same number.
        output: what it prints.
    """

    pid: int
    output: Path
    status: int | None = None

    def wait(self, seconds: float) -> int:
        """Exit code (negative: the signal that ended it).

        Raises:
            TimeoutError: it has not ended by then.
        """
        until = time.monotonic() + seconds
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > until:
                raise TimeoutError
            else:
                time.sleep(0.005)
        return self.status

    def kill(self, target: str) -> None:
        """Send SIGKILL to its ``group``, to it alone (``leader``) or to its youngest ``child``."""
        with suppress(ProcessLookupError):
            if target == "group":
                os.killpg(self.pid, signal.SIGKILL)
            elif target == "leader":
                os.kill(self.pid, signal.SIGKILL)
            elif children := children_of(self.pid):
                kill(children[-1])

    def is_group_gone(self, seconds: float) -> bool:
        """Whether every process of its group ends within some seconds."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                os.killpg(self.pid, 0)
            except ProcessLookupError:
                return True
            time.sleep(0.01)
        return False


def start(run: Callable[[], int], output: Path, die_before: tuple[int, str, Path] | None = None) -> Command:
    """Run something in a forked process.

    Args:
        run: gives the exit code.
        output: file for all that it prints.
        die_before: (n, target, folder): it kills itself (``leader``) or its group before the n-th change of a file
            under the folder.
    """
    output.write_bytes(b"")  # it may be killed before it opens the file
    pid = os.fork()
    if pid:
        return Command(pid, output)
    code = 3
    try:
        os.setsid()
        out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        if die_before is not None:
            sys.addaudithook(_Countdown(*die_before))
        code = run()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


class _Countdown:
    """Kills before the n-th change of a file under a folder."""

    def __init__(self, n: int, target: str, folder: Path) -> None:
        self.left, self.target, self.folder = n, target, str(folder)

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if not (event in CHANGES or (event == "open" and self._is_writing(arguments))):
            return
        if not any(self.folder in str(part) for part in arguments[:2]):
            return
        self.left -= 1
        if self.left == 0:
            pid = os.getpid()
            (os.killpg if self.target == "group" else os.kill)(pid, signal.SIGKILL)

    @staticmethod
    def _is_writing(arguments: tuple[object, ...]) -> bool:
        flags = arguments[2] if len(arguments) > 2 else 0
        return isinstance(flags, int) and bool(flags & _WRITING)


def count_changes(run: Callable[[], int], output: Path, folder: Path) -> tuple[int, float]:
    """Changes of files under a folder that an undisturbed run makes, and how many seconds it takes.

    Raises:
        RuntimeError: the run fails.
    """
    counted = output.with_suffix(".count")

    def counting() -> int:
        countdown = _Countdown(-1, "leader", folder)
        sys.addaudithook(countdown)
        code = run()
        counted.write_text(str(-1 - countdown.left))
        return code

    begin = time.monotonic()
    command = start(counting, output)
    if command.wait(600) != 0:
        raise RuntimeError(output.read_text())
    return int(counted.read_text()), time.monotonic() - begin


def kill(pid: int) -> None:
    """Send SIGKILL to a process, which may be gone already."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def children_of(pid: int) -> list[int]:
    """Processes that a process has started, the youngest last."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    with suppress(OSError):
        return [int(text) for text in path.read_text().split()]
    return []
