"""A file that the system keeps back for now may be whole: nothing is called damaged for it, restored, or served in its place."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest

from registry_pipeline.cli.context import REFUSED, _report
from registry_pipeline.core import working_files
from registry_pipeline.core.chain_head import head_path, read_heads, write_head
from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import Home, make_home
from registry_pipeline.defs.guard import guarded
from registry_pipeline.intake.landing import integrity
from registry_pipeline.intake.landing.ledger import landed_path, ledger_path, read_ledger
from registry_pipeline.intake.raw import store
from registry_pipeline.operations.backup import back_up
from registry_pipeline.operations.doctor import examine
from registry_pipeline.pipeline.context import read_context
from registry_pipeline.pipeline.refresh import take_in
from registry_pipeline.pipeline.staging import stage
from registry_pipeline.store.integrity import damaged_files, leave_damaged_release, write_checksums
from registry_pipeline.store.parquet import _readable, write_parquet
from registry_pipeline.store.releases import DATABASE, current_release, release_folder, release_ids, switch
from tests.support.registry_home import good_files, send_all, small_home

RELEASES = ("2026-01-01T000000Z-aaaaaa", "2026-01-02T000000Z-bbbbbb")
WITHHELD = pytest.mark.parametrize("code", [errno.EMFILE, errno.EACCES, errno.ETIMEDOUT, errno.ESTALE])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = make_home(tmp_path / "home")
    for release_id in RELEASES:
        folder = release_folder(home, release_id)
        folder.mkdir(parents=True)
        (folder / DATABASE).write_bytes(release_id.encode())
        write_checksums(folder)
    switch(home, RELEASES[1])
    return home


def refusing(code: int, refused: Path, method: Callable[..., object]) -> Callable[..., object]:
    """A reading function that the system gives every file but one."""

    def read(path: Path, *arguments: object, **options: object) -> object:
        if Path(path) == refused:
            raise OSError(code, "withheld")
        return method(path, *arguments, **options)

    return read


def refuse_digest(monkeypatch: pytest.MonkeyPatch, code: int, path: Path) -> None:
    monkeypatch.setattr(working_files, "sha256_of", refusing(code, path, working_files.sha256_of))


def refuse_text(monkeypatch: pytest.MonkeyPatch, code: int, path: Path) -> None:
    monkeypatch.setattr(Path, "read_text", refusing(code, path, Path.read_text))


@WITHHELD
def test_a_release_that_is_withheld_stays_served(
    code: int, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = release_folder(home, RELEASES[1]) / DATABASE
    refuse_digest(monkeypatch, code, database)
    with pytest.raises(StoreError, match=r"cannot be read now \(withheld\)"):
        leave_damaged_release(home)
    assert current_release(home) == RELEASES[1]
    said = [answer.message for answer in examine(home) if answer.subject == "release"]
    remedy = "; check its owner and mode" if code == errno.EACCES else ""
    assert said == [f"{database}: cannot be read now (withheld); it may be whole{remedy}"]


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOENT])
def test_a_release_on_a_failed_disk_gives_way(code: int, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_digest(monkeypatch, code, release_folder(home, RELEASES[1]) / DATABASE)
    assert "is served until" in str(leave_damaged_release(home))
    assert current_release(home) == RELEASES[0]


@WITHHELD
def test_what_was_sealed_is_withheld(code: int, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_text(monkeypatch, code, release_folder(home, RELEASES[1]) / "SHA256SUMS")
    with pytest.raises(StoreError, match="cannot be read now"):
        damaged_files(home, RELEASES[1])


@WITHHELD
def test_nobody_is_told_to_restore_a_ledger_that_is_withheld(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = small_home(tmp_path)
    path = ledger_path(home, home.facility_ids()[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[]")
    refuse_text(monkeypatch, code, path)
    with pytest.raises(StoreError, match="cannot be read now") as told:
        read_ledger(home, home.facility_ids()[0])
    assert "backup" not in str(told.value)


@WITHHELD
def test_nobody_is_told_to_restore_a_key_or_a_head_that_is_withheld(
    code: int, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = home.root / "audit.jsonl"
    write_head(ledger, 1, "hash", home.key())
    key = home.key()
    refuse_text(monkeypatch, code, head_path(ledger))
    with pytest.raises(StoreError, match="cannot be read now") as told:
        read_heads(ledger, key)
    assert "backup" not in str(told.value)
    monkeypatch.undo()
    refuse_text(monkeypatch, code, home.key_file)
    with pytest.raises(StoreError, match="cannot be read now") as said:
        home.key()
    assert "backup" not in str(said.value)


@WITHHELD
def test_landed_bytes_that_are_withheld_are_not_lost(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = small_home(tmp_path)
    send_all(home, good_files())
    take_in(home)
    facility = home.facility_ids()[0]
    path = landed_path(home, read_ledger(home, facility)[0])
    monkeypatch.setattr(integrity, "sha256_of", refusing(code, path, integrity.sha256_of))
    with pytest.raises(StoreError, match="cannot be read now"):
        integrity.damaged_landed(home)
    landed, context = read_ledger(home, facility)[0], read_context(home)
    monkeypatch.setattr(store, "sha256_of", refusing(code, path, store.sha256_of))
    monkeypatch.setattr(os, "lstat", refusing(code, path, os.lstat))
    for read in (lambda: store._intact(home, landed), lambda: integrity.check_landed(home)):
        with pytest.raises(StoreError, match="cannot be read now") as told:
            read()
        assert "backup" not in str(told.value)
    with pytest.raises(StoreError, match="cannot be read now"):
        stage(context, facility)


def test_a_release_whose_folder_is_withheld_counts_and_is_asked_for(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    withheld, exists = release_folder(home, RELEASES[0]), Path.exists

    def asked(path: Path) -> bool:
        if path.parent == withheld:
            raise PermissionError(errno.EACCES, "withheld", str(path))
        return exists(path)

    monkeypatch.setattr(Path, "exists", asked)
    assert release_ids(home) == [*RELEASES]


@pytest.mark.parametrize("folder", [f"releases/{RELEASES[0]}", f"releases/{RELEASES[1]}/reports", "releases"])
def test_a_backup_leaves_out_no_folder_in_silence(
    folder: str, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (release_folder(home, RELEASES[1]) / "reports").mkdir()
    scandir = os.scandir

    def listed(path: object = ".") -> object:
        if Path(str(path)) == home.root / folder:
            raise PermissionError(errno.EACCES, "withheld", str(path))
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", listed)
    with pytest.raises(StoreError, match=f"{folder}: may not be read or written"):
        back_up(home, tmp_path / "disk")
    assert list((tmp_path / "disk").iterdir()) == []


OPEN_FILES = [
    OSError(errno.EMFILE, "Too many open files"),
    duckdb.IOException('IO Error: Cannot open file "a.parquet": Too many open files'),
    pl.exceptions.ComputeError("Too many open files (os error 24): a.parquet"),
]


@pytest.mark.parametrize("problem", OPEN_FILES, ids=lambda problem: type(problem).__name__)
def test_nothing_is_damaged_or_a_bug_where_too_many_files_are_open(
    tmp_path: Path, problem: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_parquet(pl.DataFrame({"lesion": [1]}), tmp_path / "a.parquet")
    with pytest.raises(type(problem)), _readable(path):
        raise problem
    with pytest.raises(dg.Failure) as failure, guarded(make_home(tmp_path / "home")):
        raise problem
    assert "too many" in str(failure.value.description).lower()
    assert _report(problem) == REFUSED
    assert "too many files are open" in capsys.readouterr().err
