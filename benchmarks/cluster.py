"""Facilities given to two workers against one: each worker has one core, as if it were a machine of its own.

Belongs here: the topology on loopback, the time of the run that workers take part in.
Does not belong here: what a refresh without workers costs (``refreshing.py``).
"""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from pathlib import Path

from benchmarks.measuring import QUICK_SETTINGS, Figure
from deploy.loopback import Topology
from deploy.services import Process, missing_programs

LEAST_SPEED_UP = 1.6


def benchmark(_: Path, patients: int = 160_000, facilities: int = 16) -> list[Figure]:
    """Staging and screening by one worker and by two; nothing where the services or a second core are missing."""
    cores = sorted(os.sched_getaffinity(0))[:2]
    if missing_programs("rabbitmq") or len(cores) < 2:
        return []
    with tempfile.TemporaryDirectory() as folder:
        from registry_pipeline.core.home import make_home
        from registry_pipeline.simulate.population.write import write_simulation

        home = make_home(Path(folder) / "home")
        home.settings_file.write_text(QUICK_SETTINGS, encoding="utf-8")
        write_simulation(patients, facilities, 11, home.root, 0.01)
        with Topology(home.root) as topology:
            topology.start_worker(core=cores[0])
            _measured(topology)  # each worker has loaded what it needs
            alone = _measured(topology)
            topology.start_worker(core=cores[1])
            _measured(topology)
            together = _measured(topology)
    (wall, cpu), (wall_of_two, cpu_of_two) = alone, together
    parts = {
        "speed-up": round(wall / wall_of_two, 2),
        "CPU s of one worker": [round(seconds, 1) for seconds in cpu],
        "CPU s of two": [round(seconds, 1) for seconds in cpu_of_two],
        "shared evenly it would be": round(sum(cpu_of_two) / max(cpu_of_two), 2),
    }
    name = f"{facilities} facilities of {patients // facilities:,} patients by two workers, one core each"
    return [
        Figure(
            name, wall_of_two, sum(cpu_of_two), float("nan"), wall, target=wall / LEAST_SPEED_UP, parts=parts
        )
    ]


def _measured(topology: Topology) -> tuple[float, list[float]]:
    """Seconds until all facilities are staged and screened anew, and CPU seconds of each worker meanwhile."""
    from registry_pipeline.core.home import open_home
    from registry_pipeline.defs.cluster.distribute import run_batches
    from registry_pipeline.defs.instance import open_instance
    from registry_pipeline.pipeline.cluster.work import SCREEN, STAGE
    from registry_pipeline.pipeline.context import read_context
    from registry_pipeline.pipeline.refresh import take_in
    from registry_pipeline.pipeline.step import refresh_lock

    os.environ.update(topology.environment)
    home = open_home(topology.home)
    with open_instance(home) as instance, refresh_lock(home):
        take_in(home)
        context = read_context(home)
        before = [_cpu_seconds(worker) for worker in topology.workers]
        begin = time.perf_counter()
        run_batches(context, context.senders, [STAGE, SCREEN], True, uuid.uuid4().hex, instance)
        wall = time.perf_counter() - begin
        after = [_cpu_seconds(worker) for worker in topology.workers]
    return wall, [end - start for start, end in zip(before, after, strict=True)]


def _cpu_seconds(worker: Process) -> float:
    """Of a worker and its processes, those that have ended included."""
    ticks, waiting = 0, [worker.pid]
    while waiting:
        process = Path(f"/proc/{waiting.pop()}")
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
        for thread in (process / "task").glob("*/children"):
            waiting += map(int, thread.read_text().split())
    return ticks / os.sysconf("SC_CLK_TCK")
