"""A process beside ours: its result, its failure, its end, and the same estimates as without it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from registry_pipeline.settings import Study
from registry_pipeline.steps import results
from registry_pipeline.steps.beside import beside
from registry_pipeline.steps.marts import read_marts, stored_marts
from registry_pipeline.steps.results_cox import cox_results
from tests.unit.steps.drawn_marts import drawn_marts

MOST_SECONDS = 20
PARENT = """
import os, sys, time
from registry_pipeline.steps.beside import beside
from tests.unit.steps.test_beside import write_own_number
if __name__ == "__main__":
    with beside(write_own_number, sys.argv[1]):
        time.sleep(60)
"""


def product(a: int, b: int) -> int:
    return a * b


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


def test_the_result_comes_back() -> None:
    with beside(product, 6, 7) as made:
        assert made() == 42


def test_what_it_raises_is_raised_here() -> None:
    with beside(fail, "lesion") as made, pytest.raises(KeyError, match="lesion") as raised:
        made()
    assert "in fail" in raised.value.__notes__[0]


def test_what_cannot_be_pickled_is_named() -> None:
    with beside(fail_with_a_lock) as made, pytest.raises(RuntimeError, match="KeyError in another process"):
        made()


def test_a_process_that_the_system_killed_is_told() -> None:
    with beside(die) as made, pytest.raises(MemoryError, match="was killed"):
        made()


def test_leaving_the_block_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "number"
    with pytest.raises(RuntimeError), beside(write_own_number, str(path)):
        assert wait_until(path.exists)
        raise RuntimeError
    assert is_gone(int(path.read_text()))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc")
def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    program, path = tmp_path / "parent.py", tmp_path / "number"
    program.write_text(PARENT)
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    parent = subprocess.Popen([sys.executable, str(program), str(path)], env=here)
    assert wait_until(path.exists)
    parent.kill()
    parent.wait()
    assert wait_until(lambda: is_gone(int(path.read_text())))


def test_cox_models_made_beside_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, study = vars(drawn_marts()), Study(bootstrap_replicates=0)
    drawn["survival_time"] = drawn["survival_time"].assign(censor_reason="end of observation")
    for name, frame in drawn.items():
        if isinstance(frame, pd.DataFrame):
            pl.from_pandas(frame, nan_to_null=True).write_parquet(tmp_path / f"{name}.parquet")
    monkeypatch.setattr(results, "MANY_PATIENTS", 0)
    monkeypatch.setattr(results, "has_second_core", lambda: True)
    with results.cox_beside(tmp_path, study) as made:
        assert made is not None
        beside_us = made()
    here = cox_results(read_marts(stored_marts(tmp_path)), study)
    assert {*beside_us} == {*here}
    for name, rows in here.items():
        pd.testing.assert_frame_equal(beside_us[name], rows)


def test_few_patients_are_not_worth_a_process(tmp_path: Path) -> None:
    pl.DataFrame({"patient_id": ["a"]}).write_parquet(tmp_path / "registry_patient.parquet")
    with results.cox_beside(tmp_path, Study()) as made:
        assert made is None
