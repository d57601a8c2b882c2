"""Outputs that nobody takes: work is done all the same, and the exit code and the line say what was lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from registry_pipeline.store.releases import current_release
from tests.support.registry_home import ROOT, good_files, send_all, small_home

COMMAND = [sys.executable, "-m", "registry_pipeline.cli.main"]
FULL = Path("/dev/full")
pytestmark = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")


def ran(*arguments: str, **streams: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], cwd=ROOT, text=True, check=False, timeout=300, **streams)


def test_a_refresh_whose_log_nobody_takes_makes_its_release(tmp_path: Path) -> None:
    """As by cron into a log on a full disk, or into a logger that has ended: it stopped half-way, once with exit code 0."""
    home = small_home(tmp_path / "home")
    send_all(home, good_files(4))
    reader, writer = os.pipe()
    os.close(reader)
    with FULL.open("w") as full:
        done = ran("--home", str(home.root), "refresh", "--plain", stdout=full, stderr=writer)
    os.close(writer)
    first = current_release(home)
    assert (done.returncode, first is not None) == (1, True), "only that its answer was lost can be told"
    with FULL.open("w") as full:
        done = ran(
            "--home", str(home.root), "refresh", "--force", "--plain", stdout=subprocess.PIPE, stderr=full
        )
    assert (
        done.returncode == 0 and str(current_release(home)) in done.stdout and current_release(home) != first
    )


@pytest.mark.parametrize("arguments", [["--version"], ["init", "{}"], ["refresh", "--help"]])
def test_an_answer_that_was_lost_is_told(tmp_path: Path, arguments: list[str]) -> None:
    with FULL.open("w") as full:
        done = ran(
            *(text.format(tmp_path / "home") for text in arguments), stdout=full, stderr=subprocess.PIPE
        )
    line = "registry: what was to be said could not be written (No space left on device); nothing else has failed\n"
    assert (done.returncode, done.stderr) == (1, line)


def test_the_exit_code_is_the_same_where_nobody_reads_why() -> None:
    with FULL.open("w") as full:
        assert ran("nosuch", stderr=full).returncode == 2


def test_no_file_gets_the_number_of_a_stream_that_was_closed(tmp_path: Path) -> None:
    """What a native library says would be written into it."""
    code = (
        "import os, sys; from registry_pipeline.cli.streams import take_streams; take_streams();"
        "number = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY);"
        "os.write(number, ' '.join([str(number), *(os.readlink(f'/proc/self/fd/{n}') for n in range(3))]).encode())"
    )
    said = tmp_path / "said"
    shell = f'exec "{sys.executable}" -c "{code}" "{said}" <&- >&- 2>&-'
    subprocess.run(["sh", "-c", shell], cwd=ROOT, check=True, timeout=60)
    number, *targets = said.read_text().split()
    assert int(number) > 2 and targets == [os.devnull] * 3
