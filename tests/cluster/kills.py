"""``python -m tests.cluster.kills --count 20``: kill -9 of a worker, a pool child, the coordinator or the broker.

Prints a line for each trial; each can be made again with ``--seed NUMBER --count 1``.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import polars as pl

from deploy.loopback import Topology
from deploy.services import missing_programs
from registry_pipeline.core.home import Home
from tests.cluster.trial import VICTIMS, disturbed, emptied, must_refresh, released, repaired, simulated_home

FAILED = "FAILED"


def main() -> int:
    """Exit code 1 where a trial failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.kills", description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="number of the first trial")
    parser.add_argument("--facilities", type=int, default=6)
    parser.add_argument("--broker", choices=("rabbitmq", "redis"), default="rabbitmq")
    parser.add_argument("--minutes", type=float, default=120, help="no further trial after so many")
    given = parser.parse_args()
    if missing := missing_programs(given.broker):
        print(f"not installed: {', '.join(missing)}; `make packages` installs them")
        return 0
    until = time.monotonic() + 60 * given.minutes
    n_failed = n_late = n_trials = 0
    with tempfile.TemporaryDirectory(prefix="cluster-kills-") as folder:
        home = simulated_home(Path(folder) / "home", given.facilities, 2 * given.facilities)
        with Topology(home.root, given.broker) as topology:
            topology.start_worker()
            topology.start_worker()
            must_refresh(home, topology.environment)  # workers have loaded what they need
            expected = released(home)
            emptied(home)
            undisturbed = must_refresh(home, topology.environment)
            print(f"undisturbed: {undisturbed:.0f} s", flush=True)
            for number in range(given.seed, given.seed + given.count):
                if time.monotonic() > until:
                    break
                n_trials += 1
                outcome, seconds = _trial(topology, home, number, undisturbed, expected)
                undisturbed = min(
                    undisturbed, seconds
                )  # the machine may have been busy when the first was timed
                n_failed += outcome == FAILED
                n_late += outcome == "ended before"
    print(
        f"{n_trials} trials: {n_failed} failed, in {n_late} nothing was killed because the refresh was over"
    )
    return bool(n_failed)


def _trial(
    topology: Topology, home: Home, number: int, undisturbed: float, expected: dict[str, pl.DataFrame]
) -> tuple[str, float]:
    """How a trial ended, and how long the refresh after it took."""
    rng = random.Random(number)
    victim, seconds = VICTIMS[number % len(VICTIMS)], rng.uniform(0.2, 0.9) * undisturbed

    def moment(coordinator: subprocess.Popen[bytes]) -> None:
        begin = time.monotonic()
        while coordinator.poll() is None and time.monotonic() < begin + seconds:
            time.sleep(0.05)

    emptied(home)
    begin = time.monotonic()
    try:
        outcome = disturbed(topology, home, victim, moment, rng)
        ended = time.monotonic() - begin
        repair = repaired(topology, home, expected)
    except (AssertionError, subprocess.TimeoutExpired):
        traceback.print_exc(file=sys.stdout)
        print(f"{number} {victim} at {seconds:.0f} s: {FAILED}\n{topology.services.said()}", flush=True)
        return FAILED, undisturbed
    print(
        f"{number} {victim} at {seconds:.0f} s: {outcome} after {ended:.0f} s, repaired in {repair:.0f} s",
        flush=True,
    )
    return outcome, repair


if __name__ == "__main__":
    sys.exit(main())
