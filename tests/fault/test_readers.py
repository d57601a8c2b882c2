"""Readers who ask all the time while releases are made: every answer is of one whole release."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_pipeline.store.releases import current_release
from tests.support.desk import refresh_quickly
from tests.support.registry_home import (
    N_PATIENTS,
    ROOT,
    good_files,
    patient_row,
    patients_csv,
    send,
    send_all,
    small_home,
    without_reports,
)

N_READERS, N_REFRESHES = 2, 3
READER = """
import json, sys, threading, time
from pathlib import Path
from registry_pipeline.core.home import Home
from registry_pipeline.store.releases import open_release

home, is_over = Home(Path(sys.argv[1])), threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), is_over.set()), daemon=True).start()
while not is_over.is_set():
    with open_release(home) as connection:
        print(json.dumps(connection.execute(
            "SELECT (SELECT release_id FROM meta.release), (SELECT count(*) FROM curated.patient), "
            "(SELECT count(*) FROM meta.submission)"
        ).fetchone()), flush=True)
    time.sleep(0.02)  # some thirty answers a second, and time for the refresh between them
"""


@pytest.fixture(autouse=True)
def no_reports() -> Iterator[None]:
    with without_reports():
        yield


def test_every_answer_is_of_one_whole_release(tmp_path: Path) -> None:
    home = small_home(tmp_path / "home")
    send_all(home, good_files())
    refresh_quickly(home)
    expected = {current_release(home): (N_PATIENTS, 3)}
    command = [sys.executable, "-c", READER, str(home.root)]
    readers = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(N_READERS)
    ]
    for reader in readers:
        assert reader.stdout is not None and reader.stdout.readline(), (
            "a reader asks before the first refresh"
        )
    for number in range(1, N_REFRESHES + 1):
        rows = [patient_row(patient) for patient in range(N_PATIENTS + number)]
        send(home, f"patients_{number + 1}.csv", patients_csv(rows))
        refresh_quickly(home)
        expected[current_release(home)] = (N_PATIENTS + number, 3 + number)
    for reader in readers:
        printed, errors = reader.communicate("", timeout=120)
        assert (reader.returncode, errors) == (0, "")
        answers = [json.loads(line) for line in printed.splitlines()]
        assert len(answers) > N_REFRESHES
        for release_id, *counts in answers:
            assert tuple(counts) == expected[release_id]
        seen = [release_id for release_id, *_ in answers]
        assert seen == sorted(seen), "nobody is led back to an earlier release"
