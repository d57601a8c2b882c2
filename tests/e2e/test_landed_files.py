"""What has landed, seen from the command: damage of ours refuses, a hostile file harms nobody, a file is withdrawn."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from registry_pipeline.core.home import Home
from registry_pipeline.intake.landing.ledger import read_ledger
from registry_pipeline.store.releases import current_release
from tests.fault.hostile import far_corners
from tests.support.registry_home import command, quick_home, without_reports

TOML = """
id = "f1"
[[source]]
name = "p"
files = ["*"]
mode = "incremental"
  [[source.table]]
  table = "patient"
    [source.table.columns]
    patient_id = "id"
    birth_date = "born"
    sex = { value = "F" }
"""
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = quick_home(tmp_path / "home")
    (home.facilities / "f1.toml").write_text(TOML)
    (home.inbox / "f1").mkdir()
    (home.inbox / "f1" / "p.csv").write_text("id,born\nA1,1960-01-02\nA2,1961-01-02\n")
    return home


@pytest.fixture
def run(home: Home) -> Iterator[Run]:
    with without_reports():
        yield partial(command, home)


def _count(run: Run, query: str) -> list[dict[str, object]]:
    code, shown = run("sql", "--format", "json", query)
    assert code == 0, shown
    rows: list[dict[str, object]] = json.loads(shown)
    return rows


@pytest.mark.slow
def test_damaged_landed_bytes_keep_the_release_that_is_served(home: Home, run: Run) -> None:
    assert run("refresh", "--plain")[0] == 0
    before = current_release(home)
    (landed,) = read_ledger(home, "f1")
    path = home.landing / "f1" / landed.sha256
    good = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(good.replace(b"A1", b"A7"))
    (home.inbox / "f1" / "p.csv").unlink()
    shutil.rmtree(home.store / "raw")
    code, shown = run("refresh", "--plain", "--force")
    assert code == 1
    assert "changed on the disk" in shown and "Traceback" not in shown
    assert current_release(home) == before
    path.write_bytes(good)
    assert run("refresh", "--plain", "--force")[0] == 0
    assert _count(run, "SELECT count(*) AS n FROM curated.patient") == [{"n": 2}]


@pytest.mark.slow
def test_a_hostile_workbook_is_a_finding_and_is_withdrawn(home: Home, run: Run) -> None:
    (home.inbox / "f1" / "far.xlsx").write_bytes(far_corners())
    code, shown = run("refresh", "--plain")
    assert code == 0, shown
    assert _count(run, "SELECT count(*) AS n FROM curated.patient") == [{"n": 2}]
    open_findings = "SELECT severity, status FROM quality.finding WHERE source_file = 'far.xlsx'"
    assert _count(run, open_findings) == [{"severity": "error", "status": "open"}]
    assert run("landing", "withdraw", "f1", "fra.xlsx", "--by", "Li", "--reason", "x")[0] == 2
    assert run("landing", "withdraw", "f1", "far.xlsx", "--by", "Li", "--reason", " ")[0] == 2
    code, shown = run("landing", "withdraw", "f1", "far.xlsx", "--by", "Li", "--reason", "no table")
    assert code == 0 and "far.xlsx" in shown
    assert run("refresh", "--plain")[0] == 0
    (row,) = _count(run, "SELECT status FROM meta.submission WHERE source_file = 'far.xlsx'")
    assert str(row["status"]).startswith("withdrawn on ")
    code, shown = run("landing", "--json")
    withdrawn = [entry for entry in json.loads(shown) if entry["withdrawn_at"]]
    assert [(entry["source_file"], entry["withdrawn_by"]) for entry in withdrawn] == [("far.xlsx", "Li")]
