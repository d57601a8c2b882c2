"""A small part of ``tests.fault.kills`` and ``tests.fault.bit_sweep``, which run for hours, with numbers that stay the same."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.registry_home import ROOT

pytestmark = pytest.mark.slow


def run(module: str, *arguments: str) -> str:
    """What it prints, where nothing failed. A process of its own: it forks, which threads of polars do not survive."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_commands_killed_before_a_change_of_a_file_lose_nothing_and_leave_nothing() -> None:
    victims = ("decide", "queries import", "facility new", "backup", "restore", "landing withdraw")
    only = [part for name in victims for part in ("--only", name)]
    table = run("tests.fault.kills", "--count", "10", "--services", "0", "--steady", *only)
    assert "0 trials failed" in table
    assert "no effect" in table


@pytest.mark.parametrize("kinds", ["heads"])
def test_a_bit_of_what_no_working_file_is_is_told_or_changes_nothing(kinds: str) -> None:
    assert ": 0 failed" in run("tests.fault.bit_sweep", "--sample", "2", "--only", kinds)
