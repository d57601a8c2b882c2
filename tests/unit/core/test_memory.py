"""A refresh ends before it takes more memory than it may, in one line, and what is served stays served."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
import threading
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from registry_pipeline.core import memory
from registry_pipeline.core.files import StoreError
from registry_pipeline.core.memory import (
    bounded_memory,
    freed_with_children,
    held_bytes,
    held_with_children,
    memory_bytes,
)
from registry_pipeline.core.settings import Refresh

pytestmark = pytest.mark.skipif(
    not held_bytes(os.getpid()), reason="this system tells nobody what a process holds"
)
LIMITED = """
import sys, time
from registry_pipeline.core import memory
from registry_pipeline.core.files import StoreError
from registry_pipeline.core.memory import bounded_memory
try:
    with bounded_memory("{limit}"):
        {work}
        print("done")
except StoreError as problem:
    print("refused", problem)
"""
IN_PYTHON = "held = [b'x' * 140_000_000, *(b'x' * 1_000_000 for _ in iter(lambda: time.sleep(0.03), 1))]"
"""Without an end, a few megabytes a look, in a process that can be asked to stop."""
IN_ONE_CALL = "held = b'x' * 600_000_000; time.sleep(3)"
"""More than it may, in a call that nobody can interrupt."""
IN_A_CHILD = "import subprocess; subprocess.run([sys.executable, '-c', \"held = b'x' * 200_000_000; import time; time.sleep(1)\"])"
IN_A_GUARD = "\n".join(
    (
        "from registry_pipeline.core.native_panics import panics_as_exceptions",
        "        held = [b'x' * 140_000_000]",
        "        while True:",
        "            try:",
        "                with panics_as_exceptions():",
        "                    held.append(b'x' * 1_000_000); time.sleep(0.03)",
        "            except Exception: pass",
    )
)
"""A guard that takes every failure for one of a rule does not take this one."""


def _run(limit: str, work: str) -> subprocess.CompletedProcess[str]:
    script = LIMITED.format(limit=limit, work=work)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("work", [IN_PYTHON, IN_A_GUARD])
def test_work_that_can_be_asked_stops_with_a_line(work: str) -> None:
    ended = _run("200MB", work)
    assert ended.stdout.startswith("refused stopped before it took more memory than refresh.memory_limit"), (
        ended.stderr
    )
    assert "200MB" in ended.stdout and not ended.stderr


@pytest.mark.parametrize("work", [IN_ONE_CALL, IN_A_CHILD])
def test_work_that_cannot_be_asked_is_ended_with_the_same_line(work: str) -> None:
    ended = _run("200MB", work)
    assert ended.returncode == 1 and not ended.stdout
    assert (
        ended.stderr.startswith("registry: stopped before it took more memory")
        and ended.stderr.count("\n") == 1
    )


def test_little_work_is_left_alone_and_blocks_may_stand_in_each_other() -> None:
    with bounded_memory("900GB"), bounded_memory("1MB"):
        held = held_with_children(os.getpid())
    assert 0 < held < 900e9
    with pytest.raises(ValueError, match="no amount"), bounded_memory("lots"):
        raise StoreError("never here")


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [("4GB", 4e9), ("1.5 GiB", 1.5 * 2**30), ("500MB", 5e8), ("4 gb", None), ("GB", None)],
)
def test_amounts_are_read_as_duckdb_reads_them(text: str, n_bytes: float | None) -> None:
    assert memory_bytes(text) == n_bytes


def test_duckdb_gets_a_part_of_what_a_refresh_may_take() -> None:
    assert Refresh().duckdb_memory == "1500MB"
    assert Refresh(memory_limit="16GB").duckdb_memory == "6000MB"
    assert Refresh(memory_limit="6GB").lesser_duckdb_memory == "500MB"
    assert Refresh(memory_limit="1GB").lesser_duckdb_memory == "125MB"


def test_what_libraries_have_given_back_is_not_held() -> None:
    pages = mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    pages.write(b"x" * len(pages))
    before = freed_with_children(os.getpid())
    pages.madvise(mmap.MADV_FREE)
    assert freed_with_children(os.getpid()) - before > 32 << 20


@pytest.mark.parametrize("is_late", [False, True])
def test_an_interrupt_while_the_work_ends_is_a_line_or_nothing(
    is_late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last statement of the work and the end of the watch; nothing stays locked."""

    class Ending(threading.Event):
        n_interrupts = 0

        def set(self) -> None:
            if is_late:
                super().set()
            if not self.n_interrupts:
                self.n_interrupts += 1
                signal.raise_signal(signal.SIGUSR2)
            super().set()

    before = signal.getsignal(signal.SIGUSR2)
    monkeypatch.setattr(memory, "threading", SimpleNamespace(**{**vars(threading), "Event": Ending}))
    refuses = nullcontext() if is_late else pytest.raises(StoreError, match="stopped before")
    with refuses, bounded_memory("900GB"):
        pass
    monkeypatch.undo()
    assert signal.getsignal(signal.SIGUSR2) == before
    with bounded_memory("900GB"):
        assert memory._WATCHED.locked()
    assert not memory._WATCHED.locked()
