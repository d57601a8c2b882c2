"""A refresh that cannot begin, or has nothing to make a release of: one line and the exit code of the contract."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from registry_pipeline.cli.context import run
from registry_pipeline.cli.main import registry as command
from registry_pipeline.core import memory
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.pipeline.refresh import refresh, take_in
from registry_pipeline.store.releases import current_release
from tests.support.registry_home import (
    HOSPITAL,
    ask,
    assert_balanced,
    assert_one_line,
    good_files,
    patient_row,
    patients_csv,
    registry,
    send,
    send_all,
    small_home,
    without_reports,
)


def test_a_file_that_may_not_be_read_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's refusal is simulated: the superuser may read everything."""
    home = small_home(tmp_path / "home")
    locked = send(home, "patients_1.csv", patients_csv([patient_row(1)]))
    opened = os.open

    def refusing(path, *more, **options):
        if str(path) == str(locked):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, *more, **options)

    monkeypatch.setattr(os, "open", refusing)
    report = take_in(home)
    assert report.landed == []
    assert [str(one) for one in report.problems] == [
        "inbox/north/patients_1.csv: may not be read; check its owner and mode"
    ]
    monkeypatch.undo()
    assert [one.source_file for one in take_in(home).landed] == ["patients_1.csv"]


def test_nothing_received_is_one_line(tmp_path: Path) -> None:
    home = small_home(tmp_path / "home")
    done = registry(home, "refresh", "--plain")
    assert done.returncode == 1
    assert_one_line(done.stderr)
    assert "no file has been received yet" in done.stderr
    assert current_release(home) is None


def test_a_registry_without_records_is_an_empty_release_with_its_finding(tmp_path: Path) -> None:
    home = small_home(tmp_path / "home")
    send(home, "patients_1.csv", b"")
    with without_reports():
        assert refresh(home).is_new
    assert ask(home, "SELECT count(*) FROM curated.patient").item() == 0
    assert ask(home, "SELECT rule_id FROM quality.finding")["rule_id"].to_list() == ["S01"]
    assert_balanced(home)


def test_a_mapping_with_a_mistake_names_its_line(tmp_path: Path) -> None:
    home = small_home(tmp_path / "home")
    mapping = home.facilities / f"{HOSPITAL}.toml"
    mapping.write_text(
        mapping.read_text(encoding="utf-8").replace('birth_date = "born"', 'birth_dat = "born"'),
        encoding="utf-8",
    )
    send_all(home, good_files())
    done = registry(home, "refresh", "--plain")
    assert done.returncode == 2
    assert_one_line(done.stderr)
    assert "north.toml" in done.stderr and "birth_date" in done.stderr


def test_a_blocking_rule_that_does_not_exist_is_told(tmp_path: Path) -> None:
    """A slip here would let through what was to be held back."""
    home = small_home(tmp_path / "home", blocking_rules='["V2"]')
    send_all(home, good_files())
    done = registry(home, "refresh", "--plain")
    assert done.returncode == 2
    assert_one_line(done.stderr)
    assert "registry.toml" in done.stderr and "V2" in done.stderr


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ('[rules.S14]\nseverity = "off"', "cannot be off"),
        ("[rules.M01]\nthresholds = { maximum_mm = -1 }", "M01"),
        ("[rules.M99]\nseverity = 'warning'", "M99"),
    ],
)
def test_an_override_that_cannot_hold_is_refused_before_anything_is_read(
    rule: str, told: str, tmp_path: Path
) -> None:
    home = small_home(tmp_path / "home")
    send(home, "patients_1.csv", patients_csv([patient_row(1)]))
    home.settings_file.write_text(
        home.settings_file.read_text(encoding="utf-8") + "\n" + rule + "\n", encoding="utf-8"
    )
    steps: list[str] = []
    with pytest.raises(ConfigurationError, match=told):
        refresh(home, progress=steps.append)
    assert steps == ["landing"] and not list(home.landing.glob("*/*"))


def test_what_blocks_a_release_can_be_seen(tmp_path: Path) -> None:
    """The findings are those of the last screening, whether or not a release was made of it."""
    home = small_home(tmp_path / "home", blocking_rules='["V02"]')
    send(home, "patients_1.csv", patients_csv([patient_row(1), patient_row(2, sex="male")]))
    done = registry(home, "refresh", "--plain")
    assert done.returncode == 1 and "V02" in done.stderr and current_release(home) is None
    shown = registry(home, "findings", "--rule", "V02", "--format", "csv")
    assert shown.returncode == 0
    assert [line.split(",")[1] for line in shown.stdout.splitlines()[1:]] == ["V02"]


@pytest.mark.parametrize("has_sent", [False, True])
def test_a_facility_whose_mapping_feeds_no_table_yet_keeps_nobody_from_a_release(
    has_sent: bool, tmp_path: Path
) -> None:
    """So is the draft of a facility of whose exports nothing was recognised."""
    home = small_home(tmp_path / "home")
    send_all(home, good_files())
    draft = 'id = "east"\nname = "east"\n\n[[source]]\nname = "all"\nfiles = ["*"]\nmode = "full"\nignore = ["*"]\n'
    (home.facilities / "east.toml").write_text(draft)
    if has_sent:
        (home.inbox / "east").mkdir()
        (home.inbox / "east" / "export.csv").write_text("a,b\n1,2\n3,4\n")
    with without_reports():
        assert refresh(home).is_new
    account = assert_balanced(home)
    assert account.filter(facility_id="east")["n_unrouted"].to_list() == ([2] if has_sent else [])
    assert ask(home, "SELECT DISTINCT facility_id FROM curated.patient")["facility_id"].to_list() == [
        HOSPITAL
    ]


@pytest.mark.parametrize("options", [("--plain",), ()])
def test_a_refresh_that_would_take_too_much_memory_leaves_the_release_before(
    tmp_path: Path,
    options: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What the system says of the memory is simulated: from the judging of the second submission on it is too much."""
    home = small_home(tmp_path / "home")
    send_all(home, good_files())
    with without_reports():
        before = refresh(home).release_id
    send(home, "patients_2.csv", patients_csv([patient_row(1)]))

    def judge(*_: object) -> None:
        monkeypatch.setattr(memory, "held_with_children", lambda _: 3.7e9)
        for _ in range(1000):  # as long as it takes the watch to look
            time.sleep(0.01)

    monkeypatch.setattr("registry_pipeline.pipeline.screening.Screening", judge)
    assert run(command, ["--home", str(home.root), "refresh", *options]) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("registry: stopped before it took more memory than refresh.memory_limit")
    assert current_release(home) == before
    monkeypatch.undo()
    with without_reports():
        assert refresh(home).is_new
