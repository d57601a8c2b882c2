"""kill -9 at any instant, and a disk that fills up: the old release stays served, only ``*.building`` is left."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import schemas
from registry_pipeline.core.home import Home, make_home
from registry_pipeline.store.release import build_release, sweep_releases
from registry_pipeline.store.releases import current_release, open_release, release_ids
from tests.support.small_release import VERSIONS, small_tables

ROOT = Path(__file__).resolve().parents[2]
# Kills itself just before or just after the named function of the release step.
CRASH = """
import os, signal, sys
from pathlib import Path
import schemas
from registry_pipeline.core.home import Home
from registry_pipeline.store import release
import schemas

home, work, function, moment = Home(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
original = getattr(release, function, None)

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def crashing(*given, **more):
    if moment == "before":
        die()
    original(*given, **more)
    die()

if function != "none":
    setattr(release, function, crashing)
tables = {name: work / layer / (name.partition(".")[2] + ".parquet")
          for layer in ("curated", "mart") for name in schemas.tables_of(layer)}
tables["meta.submission"] = work / "submission.parquet"
versions = release.Versions("0", "0", "0", "0", "0", "SYNTHETIC")
print("building", flush=True)
release.build_release(home, tables, versions)
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    small_tables(folder)["meta.submission"].write_parquet(folder / "submission.parquet")
    return folder


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, work: Path) -> Home:
    made = make_home(tmp_path_factory.mktemp("template"))
    tables = {
        name: work / layer / f"{name.partition('.')[2]}.parquet"
        for layer in ("curated", "mart")
        for name in schemas.tables_of(layer)
    }
    build_release(made, {**tables, "meta.submission": work / "submission.parquet"}, VERSIONS)
    return made


@pytest.fixture
def home(template: Home, tmp_path: Path) -> Home:
    shutil.copytree(template.root, tmp_path / "home", symlinks=True)
    return Home(tmp_path / "home")


def start(home: Home, work: Path, function: str, moment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", CRASH, str(home.root), str(work), function, moment],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def assert_served(home: Home, first: str) -> None:
    """One whole release is served, before and after sweeping; sweeping leaves whole releases only."""
    served = current_release(home)
    assert served is not None
    assert set(release_ids(home)) <= {first, served}
    with open_release(home) as connection:
        assert connection.execute("SELECT release_id FROM meta.release").fetchall() == [(served,)]
        assert connection.execute("SELECT count(*) FROM curated.patient").fetchall() == [(2,)]
    left = [path for path in home.releases.iterdir() if path.name not in (first, served)]
    for path in left:
        is_marked = home.releases.joinpath(f"{path.name}.unserved.building").exists()
        assert path.name.endswith(".building") or is_marked
    sweep_releases(home)
    assert {path.name for path in home.releases.iterdir()} == {first, served}
    assert current_release(home) == served
    assert not [path for path in home.root.iterdir() if path.name.endswith(".building")]


@pytest.mark.parametrize(
    ("function", "moment", "is_switched"),
    [
        ("fill", "after", False),
        ("seal", "before", False),
        ("seal", "after", False),
        ("switch", "before", False),
        ("switch", "after", True),
    ],
)
def test_killed_at_a_known_point(
    function: str, moment: str, is_switched: bool, home: Home, work: Path
) -> None:
    first = current_release(home)
    assert first is not None
    process = start(home, work, function, moment)
    _, told = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL, told
    assert (current_release(home) != first) is is_switched
    assert_served(home, first)


def test_killed_at_any_instant(home: Home, work: Path) -> None:
    first = current_release(home)
    assert first is not None
    for delay in (0.05, 0.3):
        process = start(home, work, "none", "")
        assert process.stdout is not None
        assert process.stdout.readline() == "building\n"
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=120)
        served = current_release(home)
        assert served is not None
        with open_release(home) as connection:
            assert connection.execute("SELECT release_id FROM meta.release").fetchall() == [(served,)]
        sweep_releases(home)
        assert set(release_ids(home)) == {path.name for path in home.releases.iterdir()}


FULL = """
import resource, signal, sys
from pathlib import Path
code = sys.argv.pop()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
import registry_pipeline.store.release as release
from registry_pipeline.core.files import StoreError
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    exec(code)
except StoreError as told:
    print("told:", told)
"""


def test_a_disk_that_fills_up_is_one_line(home: Home, work: Path) -> None:
    first = current_release(home)
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(home.root), str(work), "none", "", CRASH],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("told:")]
    assert len(lines) == 1
    assert "the disk is full; registry.duckdb was not written" in lines[0]
    assert current_release(home) == first
    assert [path.name for path in home.releases.iterdir()] == [first]
