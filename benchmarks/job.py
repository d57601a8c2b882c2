"""One measurement in a process of its own: ``python -m benchmarks.job <job> <arguments> <answer>``.

Belongs here: finding the job, taking its times. Does not belong here: the jobs.

A job is a function that prepares and gives the work to be timed; the work gives what it has to report.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

Work = Callable[[], dict[str, Any]]


def find_job(name: str) -> Callable[..., Work]:
    """The job ``module.function`` of this package."""
    module, _, function = name.partition(".")
    job: Callable[..., Work] = getattr(import_module(f"benchmarks.{module}"), function)
    return job


def cpu_seconds() -> float:
    """User and system time of this process, its threads and its children so far."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def resident_mb() -> float:
    """Memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main(name: str, arguments: str, answer: str) -> None:
    """Prepare, work, write the times."""
    work = find_job(name)(**json.loads(arguments))
    held = resident_mb()
    started, used = time.perf_counter(), cpu_seconds()
    reported = work()
    times = {
        "wall": time.perf_counter() - started, "cpu": cpu_seconds() - used, "reported": reported, "held_mb": held
    }  # fmt: skip
    Path(answer).write_text(json.dumps(times))


if __name__ == "__main__":
    main(*sys.argv[1:])
