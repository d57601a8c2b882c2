"""A refresh over services on loopback during which something is killed; then one that is left alone.

Belongs here: homes of small facilities, the victims, what has to hold afterwards.
Does not belong here: how many trials there are (``test_refresh.py``, ``kills.py``).
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from deploy.loopback import Topology
from registry_pipeline.core.home import Home, make_home
from registry_pipeline.simulate.population.write import write_simulation
from registry_pipeline.store.releases import current_release
from tests.support.forked import children_of
from tests.support.registry_home import QUICK_SETTINGS, ROOT, assert_same_tables, tables

LAYERS = ("curated", "mart", "result", "quality")
VICTIMS = ("worker", "pool child", "coordinator", "broker")
EXECUTION = """
[execution]
lease_seconds = 10
patience_seconds = 300
"""
LONGEST_REFRESH_SECONDS = 600
"""On a busy machine; without a bound a hanging run would be waited for for ever."""


def simulated_home(root: Path, n_facilities: int, n_patients: int) -> Home:
    """A home of small simulated facilities, some of whose records have mistakes."""
    home = make_home(root)
    home.settings_file.write_text(QUICK_SETTINGS.format(refresh="") + EXECUTION, encoding="utf-8")
    write_simulation(n_patients, n_facilities, 11, root, 0.2)
    return home


def emptied(home: Home) -> None:
    """As before the first refresh: nothing landed, nothing released."""
    for folder in (home.landing, home.store, home.releases):
        shutil.rmtree(folder)
        folder.mkdir(mode=0o700)
    home.current.unlink(missing_ok=True)


def released(home: Home) -> dict[str, pl.DataFrame]:
    """The tables of the served release that two refreshes of the same files must agree on."""
    return tables(home, LAYERS, leave_out=("release_id", "first_seen_release", "last_seen_release"))


def start_refresh(home: Home, environment: dict[str, str]) -> subprocess.Popen[str]:
    """A coordinator in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.cluster.coordinator", str(home.root)], cwd=ROOT, text=True,
        env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def must_refresh(home: Home, environment: dict[str, str]) -> float:
    """A refresh that is left alone; how many seconds it took."""
    begin = time.monotonic()
    refresh = start_refresh(home, environment)
    output, _ = refresh.communicate(timeout=LONGEST_REFRESH_SECONDS)
    assert refresh.returncode == 0, output[-3000:]
    return time.monotonic() - begin


def kill(victim: str, topology: Topology, coordinator: subprocess.Popen[str], rng: random.Random) -> None:
    """kill -9 of one part of the topology; a broker is started again, as its supervisor would."""
    if victim == "coordinator":
        os.killpg(coordinator.pid, signal.SIGKILL)
    elif victim == "broker":
        topology.services.kill_broker()
        topology.services.start_broker()
    else:
        worker = rng.choice(topology.workers)
        if victim == "worker":
            topology.kill_worker(worker)
            topology.start_worker()
        elif children := children_of(worker.pid):
            os.kill(rng.choice(list(children)), signal.SIGKILL)


def disturbed(
    topology: Topology,
    home: Home,
    victim: str,
    moment: Callable[[subprocess.Popen[str]], None],
    rng: random.Random,
) -> str:
    """A refresh from nothing in which a victim is killed: how it ended; it always ends.

    Args:
        moment: waits until the victim shall die.
    """
    coordinator = start_refresh(home, topology.environment)
    moment(coordinator)
    kill(victim, topology, coordinator, rng)
    output, _ = coordinator.communicate(timeout=LONGEST_REFRESH_SECONDS)
    if coordinator.returncode == 0:
        return "finished"
    if victim == "coordinator" and coordinator.returncode == -signal.SIGKILL:
        return "died"
    assert coordinator.returncode == 1, output[-3000:]
    assert "Traceback" not in output, output[-3000:]
    return "refused"


def repaired(topology: Topology, home: Home, expected: dict[str, pl.DataFrame]) -> float:
    """The next refresh makes what an undisturbed one made; how many seconds it took."""
    seconds = must_refresh(home, topology.environment)
    assert current_release(home) is not None
    assert_same_tables(released(home), expected)
    assert not list(home.store.rglob("*.building"))
    return seconds
