"""Taking times: every measurement is a process of its own, ours and the floor in turn, medians of all.

Belongs here: starting processes, clocks, peak memory, medians.
Does not belong here: what is measured.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from registry_pipeline.core.memory import held_with_children

ROOT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "registry_pipeline.cli.main"]
MEGABYTE = 2**20
QUICK_SETTINGS = (
    "[refresh]\nsettle_seconds = 0\nextract_date = 2023-06-30\n[study]\nbootstrap_replicates = 0\n"
)
"""A simulated registry's: no wait for files to settle, no bootstrap."""


@dataclass(frozen=True)
class Measurement:
    """One process.

    Attributes:
        wall, cpu: seconds; ``cpu`` is user and system time of all threads and children.
        peak_mb: largest resident memory of the process, or what it and those that it started held together (pages of
            libraries, which they share, aside), whichever is more.
        reported: what the process said beside its times (parts of the work, counts).
        held_mb: memory held when the work began: what it was given, and the libraries.
    """

    wall: float
    cpu: float
    peak_mb: float
    reported: Mapping[str, Any] = field(default_factory=dict)
    held_mb: float = 0.0


@dataclass(frozen=True)
class Figure:
    """One line of the table: medians over the repetitions.

    Attributes:
        ratio: wall time over the floor's wall time; ``cpu_ratio`` the same of CPU time. NaN without a floor.
        target: what the ratio or, without a floor, the seconds must not exceed.
        parts: seconds or counts of parts of the work.
        most_mb: what the memory must not exceed.
    """

    name: str
    wall: float
    cpu: float
    peak_mb: float
    floor_wall: float = float("nan")
    floor_cpu: float = float("nan")
    target: float = float("nan")
    parts: Mapping[str, Any] = field(default_factory=dict)
    most_mb: float = float("nan")

    @property
    def ratio(self) -> float:
        """Wall time over the floor's."""
        return self.wall / self.floor_wall

    @property
    def cpu_ratio(self) -> float:
        """CPU time over the floor's."""
        return self.cpu / self.floor_cpu

    @property
    def is_met(self) -> bool | None:
        """Whether time and memory are within their targets; None without a target."""
        reached = self.wall if math.isnan(self.floor_cpu) else self.cpu_ratio
        within = [
            value <= limit
            for value, limit in ((reached, self.target), (self.peak_mb, self.most_mb))
            if not math.isnan(limit)
        ]
        return all(within) if within else None

    def as_row(self) -> dict[str, Any]:
        """For the JSON file."""
        return {**asdict(self), "ratio": self.ratio, "cpu_ratio": self.cpu_ratio}


def environment() -> dict[str, str]:
    """Of the processes that are measured: as the command has it, and compiled modules may be kept, as on any machine in use."""
    variables = {"OPENBLAS_NUM_THREADS": "1"}  # ``registry`` sets it (cli/main.py)
    variables |= {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    paths = [str(ROOT), *filter(None, [variables.get("PYTHONPATH")])]
    return variables | {"PYTHONPATH": os.pathsep.join(paths)}


def run_command(command: Sequence[str], stdout: Path | None = None) -> Measurement:
    """Run a command to its end; its output goes to ``stdout`` or nowhere.

    Raises:
        RuntimeError: it failed; names the command and what it said.
    """
    with (stdout or Path(os.devnull)).open("wb") as target:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=target, stderr=subprocess.PIPE, env=environment(), cwd=ROOT
        )
        assert process.stderr is not None
        with largest_held(process.pid) as held:
            complaint = process.stderr.read().decode(errors="replace")
            _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        message = f"{' '.join(command)} ended with {process.returncode}: {complaint.strip()[-2000:]}"
        raise RuntimeError(message)
    return Measurement(wall, used.ru_utime + used.ru_stime, max(used.ru_maxrss / 1024, *held))


@contextmanager
def largest_held(pid: int) -> Iterator[list[float]]:
    """MB that a process and all that it started held at the most, looked at five times a second."""
    held, has_ended = [0.0], threading.Event()

    def look() -> None:
        while not has_ended.wait(0.2):
            held[0] = max(held[0], held_with_children(pid) / MEGABYTE)

    watch = threading.Thread(target=look, daemon=True)
    watch.start()
    try:
        yield held
    finally:
        has_ended.set()
        watch.join()


def run_job(job: str, out: Path, **arguments: Any) -> Measurement:
    """Run a job of :mod:`benchmarks.job` in a process of its own; times are of its work, without start-up."""
    answer = out / "answer.json"
    command = [sys.executable, "-m", "benchmarks.job", job, json.dumps(arguments), str(answer)]
    used = run_command(command)
    times = json.loads(answer.read_text())
    answer.unlink()
    return Measurement(times["wall"], times["cpu"], used.peak_mb, times["reported"], times["held_mb"])


def alternate(
    ours: Callable[[], Measurement], floor: Callable[[], Measurement], repeats: int
) -> tuple[list[Measurement], list[Measurement]]:
    """Measure ours and the floor in turn, so that a busy machine slows both."""
    pairs = [(ours(), floor()) for _ in range(repeats)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def figure(
    name: str,
    ours: Sequence[Measurement],
    floor: Sequence[Measurement] = (),
    target: float = float("nan"),
    parts: Mapping[str, Any] | None = None,
    most_mb: float = float("nan"),
) -> Figure:
    """Medians of some measurements, memory at its largest."""
    return Figure(
        name,
        statistics.median(run.wall for run in ours),
        statistics.median(run.cpu for run in ours),
        max(run.peak_mb for run in ours),
        statistics.median(run.wall for run in floor) if floor else float("nan"),
        statistics.median(run.cpu for run in floor) if floor else float("nan"),
        target,
        dict(ours[-1].reported) if parts is None else parts,
        most_mb,
    )
