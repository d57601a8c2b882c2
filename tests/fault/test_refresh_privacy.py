"""Marked words in every cell of a submission: none of them is in Dagster's files, in logs, in names or in temporary files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from registry_pipeline.core.home import Home
from tests.support.registry_home import (
    CONTACT_HEADER,
    ROOT,
    ask,
    good_files,
    patient_row,
    patients_csv,
    send_all,
    small_home,
)

pytestmark = pytest.mark.slow
MARK = "Qzxv"


def marked_files() -> dict[str, str]:
    """Good rows, and rows whose every cell is a word that stands nowhere else; all sorts of findings follow."""
    cells = ("sex", "region", "histology", "stage", "born", "diagnosed")
    rows = [patient_row(number) for number in range(12)]
    rows += [
        patient_row(20 + at, **{cell: f"{MARK}{cell}{at}"}).replace(f"K{20 + at:04d}", f"{MARK}n{at}")
        for at, cell in enumerate(cells)
    ]
    rows += [f"{MARK}short{at},1950-01-01" for at in range(3)]
    visits = [f"{MARK}n{at},{MARK}v{at},{MARK}day{at},{MARK}state{at}" for at in range(6)]
    return {
        **good_files(),
        "patients_1.csv": patients_csv(rows),
        "contacts_1.csv": "\n".join([CONTACT_HEADER, *visits]) + "\n",
    }


def places_of(folder: Path, word: bytes) -> list[str]:
    """Files under a folder whose name or content has a word."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [str(path) for path in files if word.decode() in path.name or word in path.read_bytes()]


def test_no_value_of_a_record_leaves_the_store_during_a_refresh(tmp_path: Path) -> None:
    home, temporary = small_home(tmp_path / "home"), tmp_path / "temporary"
    temporary.mkdir()
    send_all(home, marked_files())
    done = refresh_with_dagster(home, temporary)
    assert done.returncode == 0, done.stderr
    assert MARK not in done.stdout + done.stderr
    word = MARK.encode()
    assert len(places_of(home.store, word)) > 3, "the words are in the records"
    assert ask(home, "SELECT count(*) FROM quality.finding WHERE severity = 'error'").item() > 5
    for folder in (home.root / "dagster", temporary):
        assert places_of(folder, word) == []
    assert word not in (home.root / "audit.jsonl").read_bytes()
    assert list(home.root.rglob(f"*{MARK}*")) == []
    assert [path for path in (home.current / "reports").rglob("*.html") if word in path.read_bytes()] == []


def refresh_with_dagster(home: Home, temporary: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "registry_pipeline.cli.main", "--home", str(home.root), "refresh"],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
        env={**os.environ, "TMPDIR": str(temporary)},
    )  # fmt: skip
