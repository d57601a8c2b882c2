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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import polars as pl

from deploy.loopback import Topology
from deploy.services import dying_with_us, kill_group
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


@contextmanager
def coordinating(home: Home, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A coordinator in a process of its own; whatever happens inside, it does not outlive the block.

    What it says goes to a file: a pipe would be held open by what it started and be waited for.
    """
    command = [sys.executable, "-m", "tests.cluster.coordinator", str(home.root)]
    with output_file(home).open("wb") as output:
        coordinator = subprocess.Popen(
            dying_with_us(command), cwd=ROOT, env={**os.environ, **environment}, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        yield coordinator
    finally:
        kill_group(coordinator)


def output_file(home: Home) -> Path:
    """What the last coordinator said."""
    return home.root.with_name("coordinator.log")


def last_words(home: Home) -> str:
    """The end of it."""
    return output_file(home).read_text("utf-8", errors="replace")[-3000:]


def must_refresh(home: Home, environment: dict[str, str]) -> float:
    """A refresh that is left alone; how many seconds it took."""
    begin = time.monotonic()
    with coordinating(home, environment) as coordinator:
        coordinator.wait(LONGEST_REFRESH_SECONDS)
    assert coordinator.returncode == 0, last_words(home)
    return time.monotonic() - begin


def kill(victim: str, topology: Topology, coordinator: subprocess.Popen[bytes], rng: random.Random) -> None:
    """kill -9 of one part of the topology; a broker is started again, as its supervisor would.

    A coordinator or a pool child that has ended by itself by then is not killed.
    """
    if victim == "coordinator":
        kill_group(coordinator)
    elif victim == "broker":
        topology.services.kill_broker()
        topology.services.start_broker()
    else:
        worker = rng.choice(topology.workers)
        if victim == "worker":
            topology.kill_worker(worker)
            topology.start_worker()
        elif children := children_of(worker.pid):
            with suppress(ProcessLookupError):
                os.kill(rng.choice(list(children)), signal.SIGKILL)


def disturbed(
    topology: Topology,
    home: Home,
    victim: str,
    moment: Callable[[subprocess.Popen[bytes]], None],
    rng: random.Random,
) -> str:
    """A refresh from nothing in which a victim is killed: how it ended; it always ends.

    "ended before" where nothing was killed, because the refresh was over by then.

    Args:
        moment: waits until the victim shall die.
    """
    with coordinating(home, topology.environment) as coordinator:
        moment(coordinator)
        if coordinator.poll() is not None:
            return "ended before"
        kill(victim, topology, coordinator, rng)
        coordinator.wait(LONGEST_REFRESH_SECONDS)
    if coordinator.returncode == 0:
        return "finished"
    if victim == "coordinator" and coordinator.returncode == -signal.SIGKILL:
        return "died"
    output = last_words(home)
    assert coordinator.returncode == 1, output
    assert "Traceback" not in output, output
    return "refused"


def repaired(topology: Topology, home: Home, expected: dict[str, pl.DataFrame]) -> float:
    """The next refresh makes what an undisturbed one made; how many seconds it took."""
    seconds = must_refresh(home, topology.environment)
    assert current_release(home) is not None
    assert_same_tables(released(home), expected)
    assert not list(home.store.rglob("*.building"))
    return seconds
