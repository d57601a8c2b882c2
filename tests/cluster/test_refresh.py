"""A refresh from files to release by two workers over PostgreSQL and RabbitMQ on loopback, one of them killed."""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.loopback import Topology, missing_programs
from registry_pipeline.core.home import Home
from registry_pipeline.pipeline.refresh import refresh
from registry_pipeline.store.releases import current_release
from tests.cluster.trial import (
    LONGEST_REFRESH_SECONDS,
    disturbed,
    emptied,
    released,
    simulated_home,
    start_refresh,
)
from tests.support.registry_home import assert_same_tables, without_reports

N_FACILITIES = 16
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return simulated_home(tmp_path_factory.mktemp("cluster") / "home", N_FACILITIES, 2 * N_FACILITIES)


@pytest.fixture(scope="module")
def topology(home: Home) -> Iterator[Topology]:
    if missing := missing_programs("rabbitmq"):
        pytest.skip(f"not installed: {', '.join(missing)}")
    with Topology(home.root) as services:
        yield services


def test_a_refresh_that_no_worker_takes_ends_with_a_line(topology: Topology, home: Home) -> None:
    text = home.settings_file.read_text("utf-8")
    home.settings_file.write_text(
        text.replace("patience_seconds = 60", "patience_seconds = 5"), encoding="utf-8"
    )
    coordinator = start_refresh(home, topology.environment)
    output, _ = coordinator.communicate(timeout=LONGEST_REFRESH_SECONDS)
    home.settings_file.write_text(text, encoding="utf-8")
    assert coordinator.returncode == 1
    assert (
        "no worker has worked for this refresh for 5 seconds; start workers with: registry worker" in output
    )
    assert "Traceback" not in output
    assert current_release(home) is None


def test_two_workers_make_the_release_of_one_process_although_a_child_is_killed(
    topology: Topology, home: Home
) -> None:
    for _ in range(2):
        topology.start_worker()

    def somebody_is_at_work(coordinator: subprocess.Popen[str]) -> None:
        until = time.monotonic() + LONGEST_REFRESH_SECONDS
        turns = home.store / "cluster"
        while coordinator.poll() is None and time.monotonic() < until:
            if any(path.stat().st_size for path in turns.glob("*.turn")):
                return
            time.sleep(0.02)
        raise AssertionError(f"no worker took a facility:\n{topology.said()}")

    # messages of the refresh that nobody took lie in the queue still: workers refuse them
    outcome = disturbed(topology, home, "pool child", somebody_is_at_work, random.Random(1))
    assert outcome == "finished", topology.said()
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
