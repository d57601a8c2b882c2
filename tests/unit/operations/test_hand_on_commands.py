"""The commands that hand a release on, as they are typed: what they write, what they refuse, what they record."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from registry_pipeline.cli import notebook
from registry_pipeline.cli.main import registry
from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import Home
from registry_pipeline.operations.audit import read_audit_log
from registry_pipeline.operations.exports.omop import write
from tests.support.registry_home import ROOT


@pytest.mark.parametrize(
    ("form", "file", "expected"),
    [
        ("export omop", "person.csv", "2 of 4 patients are persons"),
        ("export redcap", "redcap_export.toml", "5 files"),
        ("export cbioportal", "meta_study.txt", "files in"),
        ("releases export", "datapackage.json", "files in"),
    ],
)
def test_a_steward_exports_and_the_audit_log_says_so(
    full_release: tuple[Home, str], tmp_path: Path, form: str, file: str, expected: str
) -> None:
    home, release_id = full_release
    words = ["--home", str(home.root), *form.split(), "--to", str(tmp_path / "out")]
    assert CliRunner().invoke(registry, words).exit_code != 0  # nothing is approved for analysts
    assert not (tmp_path / "out").exists()
    result = CliRunner().invoke(registry, [*words, "--identified"])
    assert result.exit_code == 0 and expected in result.output, result.output
    assert (tmp_path / "out" / file).is_file()
    entries = read_audit_log(home)[-2:]
    assert [(entry.action, entry.outcome, entry.release_id) for entry in entries] == [
        ("export", "begun", release_id),
        ("export", "done", release_id),
    ]
    again = CliRunner().invoke(registry, [*words, "--identified"])
    assert again.exit_code != 0 and "is not empty" in again.output


def test_an_export_that_fails_half_way_stands_in_the_audit_log_as_refused(
    full_release: tuple[Home, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(write, "write_omop", fail)
    home, _ = full_release
    words = ["--home", str(home.root), "export", "omop", "--to", str(tmp_path / "out"), "--identified"]
    result = CliRunner().invoke(registry, words)
    assert result.exit_code != 0
    assert [entry.outcome for entry in read_audit_log(home)[-2:]] == ["begun", "refused"]


def test_the_notebook_says_what_it_needs(
    full_release: tuple[Home, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebook, "find_spec", lambda _: None)
    result = CliRunner().invoke(registry, ["--home", str(full_release[0].root), "notebook"])
    assert result.exit_code != 0 and "registry-pipeline[notebook]" in result.output


def test_the_notebook_is_served_with_a_token(
    full_release: tuple[Home, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And from a folder that goes with it: marimo keeps what cells showed, records among it, beside the notebook."""
    calls: list[tuple[list[str], dict[str, str]]] = []

    def run(command: list[str], env: dict[str, str], **_: Any) -> SimpleNamespace:
        calls.append((command, env))
        assert Path(command[-1]).is_file() and Path(command[-1]).parent.stat().st_mode & 0o077 == 0
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(notebook, "find_spec", lambda name: name)
    monkeypatch.setattr(subprocess, "run", run)
    home, release_id = full_release
    result = CliRunner().invoke(registry, ["--home", str(home.root), "notebook"])
    assert result.exit_code == 0, result.output
    ((command, environment),) = calls
    assert "--token" in command
    assert Path(command[-1]).is_relative_to(home.store) and not Path(command[-1]).parent.exists()
    assert environment["REGISTRY_DATABASE"] == str(home.releases / release_id / "registry.duckdb")
    assert [entry.action for entry in read_audit_log(home)[-2:]] == ["notebook", "notebook"]


def test_a_notebook_that_is_told_to_end_leaves_nothing_that_serves_records(
    full_release: tuple[Home, str], tmp_path: Path
) -> None:
    home, _ = full_release
    (tmp_path / "marimo.py").write_text(
        "import os, sys, time\nprint(os.getpid(), sys.argv[-1], flush=True)\ntime.sleep(60)\n"
    )
    command = [sys.executable, "-m", "registry_pipeline.cli.main", "--home", str(home.root), "notebook"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        number, page = running.stdout.readline().split()
        assert Path(page).is_file()
        running.send_signal(signal.SIGTERM)
        running.wait(30)
    with pytest.raises(ProcessLookupError):
        os.kill(int(number), 0)
    assert not Path(page).parent.exists()
