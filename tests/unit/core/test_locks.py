"""Locks: who holds one, and that every lock of the project is one that a network file system grants."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from registry_pipeline.core.chain_head import appending
from registry_pipeline.core.files import BUILDING, exclusive, sweep, whole_file
from registry_pipeline.core.home import Home
from registry_pipeline.core.locks import is_locked, locked
from registry_pipeline.core.private_folders import private_folder
from registry_pipeline.intake.landing.ledger import landing_lock
from registry_pipeline.operations.backup import back_up
from registry_pipeline.pipeline.cluster.lease import is_anybody_at_work
from tests.support.registry_home import small_home

ROOT = Path(__file__).resolve().parents[3]
ONE_PLACE = "registry_pipeline/core/locks.py"


@pytest.mark.parametrize("is_shared", [False, True])
def test_a_lock_is_seen_by_others_and_freed_with_its_holder(is_shared: bool, tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    assert not is_locked(path), "there is none"
    with locked(path, is_shared):
        assert is_locked(path)
        with pytest.raises(BlockingIOError), locked(path, waits=False):
            pytest.fail("held twice")
    assert not is_locked(path)


def test_readers_share_and_a_missing_file_is_not_made_unasked(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), locked(tmp_path / "none", creates=False):
        pytest.fail("made")
    with (
        locked(tmp_path / "x", is_shared=True, waits=False),
        locked(tmp_path / "x", is_shared=True, waits=False),
    ):
        assert is_locked(tmp_path / "x")


@pytest.mark.parametrize("is_link", [False, True])
def test_what_must_be_new_is_not_written_through_what_is_there(is_link: bool, tmp_path: Path) -> None:
    path, other = tmp_path / "x", tmp_path / "other"
    other.write_text("of somebody else")
    path.symlink_to(other) if is_link else path.write_text("of somebody else")
    with pytest.raises(FileExistsError), locked(path, is_new=True):
        pytest.fail("taken")
    assert path.read_text() == "of somebody else"


def test_locks_are_taken_in_one_place() -> None:
    sources = {
        str(path.relative_to(ROOT))
        for folder in ("registry_pipeline", "schemas", "deploy")
        for path in (ROOT / folder).rglob("*.py")
        if "flock" in path.read_text(encoding="utf-8") and "fcntl" in path.read_text(encoding="utf-8")
    }
    assert sources == {ONE_PLACE}


def _write(home: Home) -> None:
    with whole_file(home.store / "x.json") as temporary:
        temporary.write_text("{}")


def _sweep(home: Home) -> None:
    (home.store / f"y{BUILDING}").write_text("left by a killed process")
    assert sweep(home.store)


def _hold(home: Home) -> None:
    with exclusive(home.store), private_folder(home.root), appending(home.decisions):
        (home.landing / "north").mkdir()
        with landing_lock(home.landing / "north"):
            assert is_locked(home.landing / "north" / ".lock")


@pytest.mark.parametrize(
    "work",
    [
        _write,
        _sweep,
        _hold,
        is_anybody_at_work,
        lambda home: back_up(home, home.root.with_name("disk")),
    ],
)
def test_no_lock_is_one_that_nfs_refuses(
    work: Callable[[Home], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As NFS has it: an exclusive lock needs a file that is open for writing, so no folder can bear one."""
    home, flock = small_home(tmp_path / "home"), fcntl.flock

    def on_nfs(handle: int, kind: int) -> None:
        if kind & fcntl.LOCK_EX and not fcntl.fcntl(handle, fcntl.F_GETFL) & (os.O_WRONLY | os.O_RDWR):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flock(handle, kind)

    monkeypatch.setattr(fcntl, "flock", on_nfs)
    work(home)
