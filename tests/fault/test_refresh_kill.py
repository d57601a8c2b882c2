"""kill -9 at any step of a refresh, and a disk that fills up: the old release stays served, the next one is whole.

Whole refreshes in processes of their own; the release step alone stands in ``test_release_crash.py``.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from registry_pipeline.core.home import Home
from registry_pipeline.pipeline.context import read_context
from registry_pipeline.pipeline.refresh import refresh
from registry_pipeline.pipeline.screening import screen
from registry_pipeline.pipeline.staging import stage
from registry_pipeline.store.releases import current_release, open_release, release_ids
from tests.support.registry_home import (
    HOSPITAL,
    N_PATIENTS,
    ROOT,
    ask,
    assert_balanced,
    assert_one_line,
    assert_same_tables,
    good_files,
    patient_row,
    patients_csv,
    registry,
    send,
    send_all,
    small_home,
    tables,
    without_reports,
)

pytestmark = pytest.mark.slow

# Kills itself the n-th time that one of the functions through which everything is written has written.
CRASH = """
import importlib, os, signal, sys
from pathlib import Path
from registry_pipeline.core.home import Home
from registry_pipeline.pipeline import release as publication
from registry_pipeline.pipeline.refresh import refresh

publication.write_reports = lambda *_, **__: None
root, module, function, count, moment = sys.argv[1:]
place = importlib.import_module(module)
original, calls = getattr(place, function), 0

def crashing(*given, **more):
    global calls
    calls += 1
    if calls == int(count) and moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    made = original(*given, **more)
    if calls == int(count):
        os.kill(os.getpid(), signal.SIGKILL)
    return made

setattr(place, function, crashing)
refresh(Home(Path(root)))
print("survived")
"""
PLAIN = """
import sys
from pathlib import Path
from registry_pipeline.core.home import Home
from registry_pipeline.pipeline import release as publication
from registry_pipeline.pipeline.refresh import refresh
publication.write_reports = lambda *_, **__: None
refresh(Home(Path(sys.argv[1])), progress=lambda step: print(step, flush=True))
"""
# In the order of a refresh: what is half done when the process dies.
POINTS = (
    ("registry_pipeline.intake.landing.land", "_copy", 1, "after"),
    ("registry_pipeline.pipeline.staging", "write_rows", 5, "after"),
    ("registry_pipeline.pipeline.step", "write_hashed_json", 2, "before"),
    ("registry_pipeline.pipeline.registry", "write_parquet", 3, "before"),
    ("registry_pipeline.store.release", "seal", 1, "after"),
    ("registry_pipeline.store.release", "switch", 1, "before"),
)


@dataclass(frozen=True)
class Hospital:
    """The tiny hospital with one release, and a second submission in its inbox.

    Attributes:
        home: as it was before the second submission was refreshed.
        undisturbed: a copy in which nothing disturbed that refresh.
        first: the release that is served in ``home``.
    """

    home: Home
    undisturbed: Home
    first: str


@pytest.fixture(scope="module", autouse=True)
def no_reports() -> Iterator[None]:
    with without_reports():
        yield


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    folder = tmp_path_factory.mktemp("kill")
    home, copy = small_home(folder / "home"), Home(folder / "undisturbed")
    send_all(home, good_files())
    first = refresh(home).release_id
    rows = [patient_row(number) for number in range(N_PATIENTS + 3)]
    send(home, "patients_2.csv", patients_csv([*rows, patient_row(90, sex="male")]))
    shutil.copytree(home.root, copy.root, symlinks=True)
    refresh(copy)
    return Hospital(home, copy, first)


def assert_first_is_served(hospital: Hospital, home: Home) -> None:
    assert current_release(home) == hospital.first
    assert release_ids(home) == [hospital.first]
    with open_release(home) as connection:
        assert connection.execute("SELECT count(*) FROM curated.patient").fetchall() == [(N_PATIENTS,)]
        assert connection.execute("SELECT release_id FROM meta.release").fetchall() == [(hospital.first,)]


def assert_equals_undisturbed(hospital: Hospital, home: Home) -> None:
    """The same tables, whatever happened on the way; nothing half written is left."""
    releases = ("first_seen_release", "last_seen_release")
    layers = ("curated", "mart", "result", "quality")
    found = tables(home, layers, leave_out=releases)
    assert_same_tables(found, tables(hospital.undisturbed, layers, leave_out=releases))
    assert found["curated.patient"].height == N_PATIENTS + 3
    account = assert_balanced(home)
    assert account.filter(pl.col("source_file") == "patients_2.csv")["n_read"].to_list() == [N_PATIENTS + 4]
    left = [
        path for folder in (home.store, home.releases, home.landing) for path in folder.rglob("*.building")
    ]
    assert left == []
    assert not list(home.root.glob("*.building"))


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_killed_at_every_step_one_after_the_other(hospital: Hospital, tmp_path: Path) -> None:
    """Each refresh goes on in what the one before left, and dies at a later point; the last one lives."""
    home = Home(tmp_path / "home")
    shutil.copytree(hospital.home.root, home.root, symlinks=True)
    for module, function, count, moment in POINTS:
        done = run(CRASH, str(home.root), module, function, str(count), moment)
        assert done.returncode == -signal.SIGKILL, (function, done.stdout, done.stderr)
        assert_first_is_served(hospital, home)
    report = refresh(home)
    assert report.is_new
    assert_equals_undisturbed(hospital, home)
    assert [one.source_file for one in report.landing.landed] == []


@pytest.mark.parametrize("step", ["survival", "release"])
def test_killed_while_a_step_runs(step: str, hospital: Hospital, tmp_path: Path) -> None:
    """At no known point: some time after the step has begun."""
    home = Home(tmp_path / "home")
    shutil.copytree(hospital.home.root, home.root, symlinks=True)
    process = subprocess.Popen(
        [sys.executable, "-c", PLAIN, str(home.root)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert any(line.strip() == step for line in process.stdout)
    time.sleep(0.15)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert_first_is_served(hospital, home)


def test_what_a_forced_refresh_left_half_done_does_not_look_finished(
    hospital: Hospital, tmp_path: Path
) -> None:
    """Its input is the one of the finished step before; only the mark tells the two apart."""
    home = Home(tmp_path / "home")
    shutil.copytree(hospital.undisturbed.root, home.root, symlinks=True)
    whole = {path.name for path in (home.store / "screened" / HOSPITAL).iterdir()}
    forced = CRASH.replace("refresh(Home(Path(root)))", "refresh(Home(Path(root)), force=True)")
    for function, count in (("_store_screened", 1), ("write_parquet", 3)):
        done = run(
            forced, str(home.root), "registry_pipeline.pipeline.screening", function, str(count), "after"
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        context = read_context(home)
        stage(context, HOSPITAL)
        screen(context, HOSPITAL)
        found = {path.name for path in (home.store / "screened" / HOSPITAL).iterdir()}
        assert {one for one in found if not one.endswith(".building")} == whole
        for layer in ("staged", "screened"):
            for path in sorted((hospital.undisturbed.store / layer / HOSPITAL).glob("*.parquet")):
                made = pl.read_parquet(home.store / layer / HOSPITAL / path.name)
                assert_frame_equal(made, pl.read_parquet(path))


def test_a_reader_keeps_its_release_while_another_is_made(hospital: Hospital, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(hospital.undisturbed.root, home.root, symlinks=True)
    second = current_release(home)
    with open_release(home, hospital.first) as old, open_release(home) as new:
        assert old.execute("SELECT count(*) FROM curated.patient").fetchall() == [(N_PATIENTS,)]
        assert new.execute("SELECT release_id FROM meta.release").fetchall() == [(second,)]
        with pytest.raises(duckdb.Error):
            new.execute("CREATE TABLE curated.mine (a INT)")


def test_two_refreshes_at_once_are_one_and_a_line(hospital: Hospital, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(hospital.home.root, home.root, symlinks=True)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home.root)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    done = registry(home, "refresh", "--plain")
    holder.communicate("\n", timeout=30)
    assert done.returncode == 1
    assert_one_line(done.stderr)
    assert "another refresh is running" in done.stderr
    assert_first_is_served(hospital, home)


HOLD = """
import sys
from pathlib import Path
from registry_pipeline.core.home import Home
from registry_pipeline.pipeline.step import refresh_lock
with refresh_lock(Home(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.readline()
"""
# The largest file that the process may write; the system answers as it does when the disk is full.
FULL = """
import resource, signal, sys
limit = int(sys.argv.pop(1))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from registry_pipeline.cli.main import main
main()
"""


@pytest.mark.parametrize(
    "limit", [200, 900, 6_000, 300_000], ids=["ledger", "bytes", "working files", "release"]
)
def test_a_full_disk_is_one_line(limit: int, hospital: Hospital, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(hospital.home.root, home.root, symlinks=True)
    done = run(FULL, str(limit), "--home", str(home.root), "refresh", "--plain")
    assert done.returncode == 1, done.stdout + done.stderr
    assert_one_line(done.stderr)
    assert "the disk is full" in done.stderr
    assert_first_is_served(hospital, home)
    assert not list(home.store.rglob("*.building"))


def test_what_the_finding_of_the_second_submission_is(hospital: Hospital) -> None:
    """The undisturbed refresh itself: one patient of the wrong sex, in quarantine with her tumour."""
    found = ask(hospital.undisturbed, "SELECT rule_id FROM quality.finding WHERE severity = 'error'")
    assert found["rule_id"].to_list() == ["V02"]
    held = ask(hospital.undisturbed, "SELECT table_name, reason FROM quality.quarantine ORDER BY 1")
    assert held.rows() == [("patient", "own"), ("primary_tumour", "parent")]
