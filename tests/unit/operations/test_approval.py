"""Who lets analysts have a release: approved under a name, offered in a folder, withdrawn; no refresh runs here."""

from __future__ import annotations

import stat
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from registry_pipeline.cli.context import MISUSED, REFUSED
from registry_pipeline.cli.context import run as run_command
from registry_pipeline.cli.main import registry
from registry_pipeline.core.home import Home, mend_modes
from registry_pipeline.operations import approval
from registry_pipeline.operations.approval import approvals, approve, withdraw
from registry_pipeline.operations.audit import read_audit_log, record
from registry_pipeline.operations.backup import back_up, restore
from registry_pipeline.store.integrity import write_checksums
from registry_pipeline.store.releases import (
    ANALYST_DATABASE,
    ANALYST_FAILED,
    offered_file,
    release_folder,
    switch,
)
from registry_pipeline.store.retention import remove_releases
from tests.support.registry_home import small_home

OLD, NEW = "2026-01-01T000000Z-aaaaaa", "2026-01-02T000000Z-bbbbbb"
RISK = """
    CREATE SCHEMA result;
    CREATE TABLE result.disclosure_risk AS SELECT 'registry' AS population, 'after' AS state, 'is_dead' AS sensitive,
        9 AS n_patients, 1 AS k, 1 AS l, 4 AS n_alone, 9 AS n_in_small_class, 5 AS n_alike, '4 of 9 are alone' AS note"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Two releases, each with a database for analysts that says which it is."""
    home = small_home(tmp_path / "home")
    for release_id in (OLD, NEW):
        folder = release_folder(home, release_id)
        folder.mkdir()
        for name in ("registry.duckdb", ANALYST_DATABASE):
            with duckdb.connect(str(folder / name)) as connection:
                connection.execute(RISK)
                connection.execute(f"CREATE TABLE which AS SELECT '{name} {release_id}' AS release")
        (folder / ANALYST_DATABASE).chmod(0o444)
        write_checksums(folder)
    switch(home, NEW)
    record(home, "refresh", "done", NEW)
    return home


def run(home: Home, *words: str) -> Result:
    return CliRunner().invoke(registry, ["--home", str(home.root), *words])


def code_of(home: Home, *words: str) -> int:
    return run_command(registry, ["--home", str(home.root), *words])


def test_before_approval_nothing_is_offered_and_what_would_leave_is_shown(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = run(home, "releases", "approve").stdout
    assert "4 of 9 are alone" in shown and "not approved" in shown
    assert not home.analysts.exists() and approvals(home) == {}
    assert code_of(home, "sql", "--analyst", "FROM which") == MISUSED
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and f"registry releases approve {NEW}" in message


def test_an_approved_release_is_offered_under_a_name_that_the_audit_log_keeps(home: Home) -> None:
    assert run(home, "releases", "approve", OLD, "--by", "C. Keeper").exit_code == 0
    entry = read_audit_log(home)[-1]
    assert (entry.action, entry.release_id) == ("approve", OLD)
    assert "by C. Keeper, sha256 " in entry.details
    offered = offered_file(home, OLD)
    assert stat.S_IMODE(offered.stat().st_mode) == 0o444
    assert stat.S_IMODE(home.analysts.stat().st_mode) == 0o750
    with duckdb.connect(str(offered), read_only=True) as connection:
        assert connection.execute("FROM which").fetchall() == [(f"{ANALYST_DATABASE} {OLD}",)]
    assert f"{ANALYST_DATABASE} {OLD}" in run(home, "sql", "--analyst", "FROM which").stdout
    run(home, "releases", "approve", "--by", "C. Keeper")
    assert f"{ANALYST_DATABASE} {NEW}" in run(home, "sql", "--analyst", "FROM which").stdout, (
        "the newest approved"
    )


def test_a_name_is_asked_for(home: Home) -> None:
    assert code_of(home, "releases", "approve", "--by", "  ") == MISUSED
    assert code_of(home, "releases", "withdraw", NEW, "--by", "C. Keeper", "--reason", "ages") == MISUSED
    assert approvals(home) == {}


def test_a_withdrawn_release_is_not_offered(home: Home) -> None:
    run(home, "releases", "approve", NEW, "--by", "C. Keeper")
    assert (
        run(home, "releases", "withdraw", NEW, "--by", "D. Keeper", "--reason", "an age slipped in").exit_code
        == 0
    )
    assert not offered_file(home, NEW).exists() and approvals(home) == {}
    assert "D. Keeper: an age slipped in" in read_audit_log(home)[-1].details
    assert (release_folder(home, NEW) / ANALYST_DATABASE).is_file()


class KillInterrupt(BaseException):
    """Ends a command as a kill does: nothing that follows is done."""


def _kill_at(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KillInterrupt

    monkeypatch.setattr(owner, name, killed)


def test_a_killed_approval_is_none_and_what_it_offered_is_taken_back(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(KillInterrupt):
        _kill_at(patch, approval, "sync")  # the file is offered, the end is not recorded
        approve(home, NEW, "C. Keeper")
    assert offered_file(home, NEW).exists() and approvals(home) == {}
    assert (read_audit_log(home)[-1].action, read_audit_log(home)[-1].outcome) == ("approve", "begun")
    run(home, "releases", "approve", OLD, "--by", "C. Keeper")
    assert [path.name for path in home.analysts.iterdir()] == [f"{OLD}.duckdb"]


def test_a_withdrawal_counts_from_its_beginning_and_can_be_repeated(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(home, "releases", "approve", NEW, "--by", "C. Keeper")
    with monkeypatch.context() as patch, pytest.raises(KillInterrupt):
        _kill_at(patch, Path, "unlink")
        withdraw(home, NEW, "D. Keeper", "an age slipped in")
    assert offered_file(home, NEW).exists() and approvals(home) == {}
    assert "an age slipped in" in read_audit_log(home)[-1].details
    withdraw(home, NEW, "D. Keeper", "an age slipped in")
    assert not offered_file(home, NEW).exists()
    assert [entry.outcome for entry in read_audit_log(home)[-3:]] == ["begun", "begun", "done"]


def test_only_releases_are_withdrawn(home: Home) -> None:
    """No name leads out of the folder of analysts."""
    home.analysts.mkdir()
    foreign = home.root / "foreign.duckdb"
    foreign.touch()
    assert code_of(home, "releases", "withdraw", "../foreign", "--by", "D", "--reason", "r") == MISUSED
    assert foreign.exists()


def test_a_damaged_file_is_not_approved(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    path = release_folder(home, NEW) / ANALYST_DATABASE
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert code_of(home, "releases", "approve", NEW, "--by", "C. Keeper") in (REFUSED, MISUSED)
    assert "is not what was sealed" in capsys.readouterr().err
    assert approvals(home) == {}


@pytest.mark.parametrize(
    "failure", ["analyst.duckdb could not be written; details: store/errors/x.txt\n", None]
)
def test_a_release_without_the_file_says_why(
    home: Home, capsys: pytest.CaptureFixture[str], failure: str | None
) -> None:
    (release_folder(home, NEW) / ANALYST_DATABASE).unlink()
    if failure:
        (release_folder(home, NEW) / ANALYST_FAILED).write_text(failure)
    assert code_of(home, "releases", "approve", NEW, "--by", "C. Keeper") == MISUSED
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert ("could not be written" if failure else "is_written") in message


def test_what_was_approved_is_offered_again_after_a_restore_and_gone_after_pruning(
    home: Home, tmp_path: Path
) -> None:
    for release_id in (OLD, NEW):
        run(home, "releases", "approve", release_id, "--by", "C. Keeper")
    run(home, "releases", "withdraw", OLD, "--by", "C. Keeper", "--reason", "superseded")
    again = restore(back_up(home, tmp_path / "disk"), tmp_path / "again", home.key_file)
    assert [path.name for path in again.analysts.iterdir()] == [f"{NEW}.duckdb"]
    assert stat.S_IMODE(offered_file(again, NEW).stat().st_mode) == 0o444
    switch(home, OLD)
    remove_releases(home, [NEW])
    assert list(home.analysts.iterdir()) == []


def test_a_group_may_read_what_is_offered_and_others_may_not(home: Home) -> None:
    run(home, "releases", "approve", NEW, "--by", "C. Keeper")
    home.root.chmod(0o710)
    assert mend_modes(home) == []
    home.analysts.chmod(0o777)
    assert len(mend_modes(home)) == 1
    assert stat.S_IMODE(home.analysts.stat().st_mode) == 0o750
