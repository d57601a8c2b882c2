"""A process beside ours: its results, failures and end; the same estimates and pages as without it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from registry_pipeline.core import helper_process as beside
from registry_pipeline.core.helper_process import Helper, helping, keeping_helper, run_shared, warm_helper
from registry_pipeline.core.settings import Study
from registry_pipeline.reporting.report import write_reports
from registry_pipeline.study.estimates import Stored, _read_once
from registry_pipeline.study.marts import StoredMarts
from tests.unit.reporting.toy_release import make_release
from tests.unit.steps.drawn_marts import drawn_marts, result_tables

MOST_SECONDS = 20
PARENT = """
import os, sys, time
from registry_pipeline.core.helper_process import Helper
from tests.unit.test_helper_process import write_own_number
if __name__ == "__main__":
    Helper().call(write_own_number, sys.argv[1])
"""


def product(a: int, b: int) -> int:
    return a * b


def marts_held() -> int:
    return _read_once.cache_info().currsize


def fail(text: str) -> None:
    raise KeyError(text)


def fail_with_a_lock() -> None:
    raise KeyError(threading.Lock())


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def write_own_number(path: str) -> None:
    Path(path + ".part").write_text(str(os.getpid()))
    Path(path + ".part").rename(path)
    time.sleep(60)


def is_gone(number: int) -> bool:
    """Whether a process has ended; one that nobody has waited for yet is a name only."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until(is_so: object) -> bool:
    assert callable(is_so)
    until = time.monotonic() + MOST_SECONDS
    while not is_so() and time.monotonic() < until:
        time.sleep(0.05)
    return bool(is_so())


@pytest.fixture
def helper() -> Iterator[Helper]:
    made = Helper()
    yield made
    made.end()


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "has_second_core", lambda: True)


def test_it_answers_one_question_after_the_other(helper: Helper) -> None:
    assert (helper.call(product, 6, 7), helper.call(product, 2, 3)) == (42, 6)


def test_what_it_raises_is_raised_here_and_it_goes_on(helper: Helper) -> None:
    with pytest.raises(KeyError, match="lesion") as raised:
        helper.call(fail, "lesion")
    assert "in fail" in raised.value.__notes__[0]
    with pytest.raises(RuntimeError, match="KeyError in another process"):
        helper.call(fail_with_a_lock)
    assert helper.call(product, 6, 7) == 42


def test_a_process_that_the_system_killed_is_told(helper: Helper) -> None:
    for _ in range(2):
        with pytest.raises(MemoryError, match="was killed"):
            helper.call(die)


def test_a_process_that_ended_by_itself_is_told(helper: Helper) -> None:
    with pytest.raises(RuntimeError, match="ended with 3"):
        helper.call(os._exit, 3)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc")
def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    program, path = tmp_path / "parent.py", tmp_path / "number"
    program.write_text(PARENT)
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    parent = subprocess.Popen([sys.executable, str(program), str(path)], env=here)
    assert wait_until(path.exists)
    parent.kill()
    parent.wait()
    assert wait_until(lambda: is_gone(int(path.read_text())))


@pytest.mark.usefixtures("two_cores")
def test_one_is_kept_for_a_command_and_ends_with_it() -> None:
    with helping(is_worth_starting=False) as none:
        assert none is None
    with keeping_helper():
        warm_helper(["json"])
        with helping(is_worth_starting=False) as first, helping(is_worth_starting=True) as second:
            assert first is second
            assert first is not None
            number = first.call(os.getpid)
    assert number != os.getpid()
    assert is_gone(number)


@pytest.mark.usefixtures("two_cores")
def test_an_error_ends_it_and_the_next_who_asks_has_another() -> None:
    with keeping_helper():
        warm_helper(())
        with pytest.raises(RuntimeError), helping(is_worth_starting=False) as helper:
            assert helper is not None
            number = helper.call(os.getpid)
            raise RuntimeError
        assert is_gone(number)
        warm_helper(())
        with helping(is_worth_starting=False) as helper:
            assert helper is not None
            assert helper.call(product, 6, 7) == 42


@pytest.mark.usefixtures("two_cores")
def test_one_that_died_while_nobody_asked_it_is_started_anew() -> None:
    with keeping_helper():
        warm_helper(["json"])
        with helping(is_worth_starting=False) as helper:
            assert helper is not None
            number = helper.call(os.getpid)
        os.kill(number, signal.SIGKILL)
        assert wait_until(lambda died=helper: not died.is_alive)
        with helping(is_worth_starting=False) as helper:
            assert helper is not None and helper.modules == ("json",)
            assert helper.call(product, 6, 7) == 42


def test_both_share_until_nothing_is_left(helper: Helper) -> None:
    names = [str(number) for number in range(40)]

    def here(name: str) -> tuple[str, str]:
        time.sleep(0.05)
        return name, "here"

    made = run_shared(names, here, lambda name: (helper.call(str, name), "there"))
    assert sorted(made) == sorted(names)
    assert all(name == told for name, (told, _) in made.items())
    assert {where for _, where in made.values()} == {"here", "there"}


def test_a_failure_over_there_is_a_failure(helper: Helper) -> None:
    with pytest.raises(KeyError):
        run_shared(["a", "b"], lambda _: time.sleep(0.3), lambda name: helper.call(fail, name))


@pytest.mark.usefixtures("two_cores")
def test_estimates_made_with_a_helper_are_the_same(tmp_path: Path) -> None:
    drawn, study = vars(drawn_marts()), Study(bootstrap_replicates=0)
    drawn["survival_time"] = drawn["survival_time"].assign(censor_reason="end of observation")
    for name, frame in drawn.items():
        if isinstance(frame, pd.DataFrame):
            pl.from_pandas(frame, nan_to_null=True).write_parquet(tmp_path / f"{name}.parquet")
    marts = StoredMarts(tmp_path)
    told: list[str] = []
    with keeping_helper():
        warm_helper(())
        shared_out = result_tables(marts, study, told.append, stored=Stored(tmp_path, "drawn"))
        with helping(is_worth_starting=False) as running:
            assert running is not None and running.call(marts_held) == 0
    assert "Cox models" not in told
    alone = result_tables(marts, study, told.append)
    assert "Cox models" in told
    assert list(shared_out) == list(alone)
    for name, rows in alone.items():
        pd.testing.assert_frame_equal(shared_out[name], rows)


@pytest.mark.usefixtures("two_cores")
@pytest.mark.parametrize("n", [0, 40])
def test_pages_made_with_a_helper_have_the_same_bytes(n: int, tmp_path: Path) -> None:
    database = make_release(tmp_path / "registry.duckdb", n=n)
    alone = write_reports(database, tmp_path / "alone")
    with keeping_helper():
        warm_helper(())
        both = write_reports(database, tmp_path / "both")
    assert [one.relative_to(tmp_path / "alone") for one in alone] == [
        one.relative_to(tmp_path / "both") for one in both
    ]
    for one, other in zip(alone, both, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name
