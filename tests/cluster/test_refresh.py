"""A refresh from files to release by two workers over PostgreSQL and RabbitMQ on loopback, one of them killed."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.loopback import Topology
from deploy.services import missing_programs
from registry_pipeline.core.home import Home
from registry_pipeline.defs.cluster.distribute import run_batches
from registry_pipeline.defs.instance import open_instance
from registry_pipeline.defs.run import refresh_through_dagster
from registry_pipeline.pipeline.cluster.work import SCREEN, STAGE
from registry_pipeline.pipeline.context import read_context
from registry_pipeline.pipeline.errors import Refused
from registry_pipeline.pipeline.refresh import refresh, take_in
from registry_pipeline.pipeline.step import refresh_lock
from tests.cluster.trial import emptied, released, simulated_home
from tests.support.forked import children_of
from tests.support.registry_home import assert_same_tables, without_reports

N_FACILITIES = 4
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return simulated_home(tmp_path_factory.mktemp("cluster") / "home", N_FACILITIES, 2 * N_FACILITIES)


@pytest.fixture(scope="module")
def topology(home: Home) -> Iterator[Topology]:
    if missing := missing_programs("rabbitmq"):
        pytest.skip(f"not installed: {', '.join(missing)}")
    with Topology(home.root) as services, pytest.MonkeyPatch.context() as patch:
        for name, value in services.environment.items():
            patch.setenv(name, value)
        patch.delenv("DAGSTER_HOME", raising=False)
        yield services


def test_a_refresh_that_no_worker_takes_ends_with_a_line(topology: Topology, home: Home) -> None:
    settings = home.settings()
    impatient = replace(settings, execution=replace(settings.execution, patience_seconds=5))
    with open_instance(home) as instance, refresh_lock(home):
        take_in(home)
        context = read_context(home, impatient)
        with pytest.raises(
            Refused, match="no worker has worked for this refresh for 5 seconds; start workers"
        ):
            run_batches(context, context.senders, [STAGE, SCREEN], False, "nobody", instance)


def test_a_refresh_that_waits_for_workers_ends_when_it_is_told_to(topology: Topology, home: Home) -> None:
    with open_instance(home) as instance, refresh_lock(home):
        context = read_context(home)
        signal_of_a_terminal = threading.Timer(3, os.kill, (os.getpid(), signal.SIGINT))
        signal_of_a_terminal.start()
        with pytest.raises(Refused, match="the refresh was stopped; workers end by themselves"):
            run_batches(context, context.senders, [STAGE, SCREEN], False, "stopped", instance)


def test_two_workers_make_the_release_of_one_process_although_a_child_is_killed(
    topology: Topology, home: Home
) -> None:
    for _ in range(2):
        topology.start_worker()
    # messages of the refresh that nobody took lie in the queue still: workers refuse them
    with ThreadPoolExecutor(1) as pool, without_reports():
        has_ended = threading.Event()
        victim = pool.submit(_kill_who_is_at_work, topology, home, has_ended)
        try:
            refresh_through_dagster(home)
        finally:
            has_ended.set()
    assert victim.result(), topology.services.said()
    by_workers = released(home)
    assert len(list((home.store / "cluster").glob("*.turn"))) == N_FACILITIES
    assert not (home.root / "dagster" / "dagster_celery").exists()
    _assert_ids_and_counts_only(home.root / "dagster" / "storage", home)

    emptied(home)
    settings = home.settings_file.read_text("utf-8")
    home.settings_file.write_text(settings.replace('"celery"', '"embedded"'), encoding="utf-8")
    with without_reports():
        refresh(home)
    assert_same_tables(by_workers, released(home))


def _kill_who_is_at_work(topology: Topology, home: Home, has_ended: threading.Event) -> int:
    """The first process of a worker that has begun with a facility; 0 where none began before the refresh ended."""
    while not has_ended.wait(0.02):
        if any(path.stat().st_size for path in (home.store / "cluster").glob("*.turn")):
            children = [child for worker in topology.workers for child in children_of(worker.pid)]
            victim = max(children, key=_cpu_ticks)
            os.kill(victim, signal.SIGKILL)
            return victim
    return 0


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _assert_ids_and_counts_only(folder: Path, home: Home) -> None:
    """What steps hand on is kept in files: no value of a record is in them."""
    outputs = list(folder.rglob("*.json"))
    assert outputs
    ids = set(home.facility_ids())
    for path in outputs:
        content = json.loads(path.read_text("utf-8"))
        assert set(content) <= ids, path
        assert isinstance(content, list) or all(isinstance(n_rows, int) for n_rows in content.values())
        assert path.stat().st_mode & 0o077 == 0
