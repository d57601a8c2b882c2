"""Working files are written whole or not at all."""

import errno
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from registry_pipeline.core.files import (
    StoreError,
    disk_errors_as_store_error,
    exclusive,
    sweep,
    whole_file,
    write_hashed_json,
    write_json,
    write_text,
)
from registry_pipeline.store.parquet import read_parquet, write_parquet

FRAME = pl.DataFrame({"a": [1, 2, None], "b": ["x", None, "z"]})


def test_round_trip_and_mode(tmp_path: Path) -> None:
    path = write_parquet(FRAME, tmp_path / "deep" / "a.parquet")
    assert read_parquet(path).equals(FRAME)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["a.parquet"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = write_text("old", tmp_path / "a.txt")
    with pytest.raises(ZeroDivisionError), whole_file(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_and_damaged_files_are_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="missing; run: registry refresh --force"):
        read_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.parquet").write_bytes(b"PAR1 secret")
    with pytest.raises(StoreError, match="damaged") as told:
        read_parquet(tmp_path / "a.parquet")
    assert "secret" not in str(told.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be written"):
        write_text("x", tmp_path / "a.txt")


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import numpy as np
import polars as pl
from registry_pipeline.core.files import StoreError, write_text
from registry_pipeline.store.parquet import write_parquet
path = Path(sys.argv[1])
write_parquet(pl.DataFrame({"a": [1]}), path)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
big = pl.DataFrame({"a": np.random.default_rng(1).random(100_000)})
try:
    write_parquet(big, path)
except StoreError as told:
    print(told)
"""


def test_a_full_disk_is_one_line_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "the disk is full; a.parquet was not written" in done.stdout
    assert len(done.stdout.splitlines()) == 1
    assert read_parquet(path).rows() == [(1,)]
    assert list(tmp_path.iterdir()) == [path]


def test_sweep_takes_only_what_was_left_behind(tmp_path: Path) -> None:
    kept = write_text("x", tmp_path / "store" / "a.parquet")
    left = tmp_path / "store" / "a.parquet.1234.building"
    left.write_text("half")
    folder = tmp_path / "store" / "r.building"
    folder.mkdir()
    (folder / "x").write_text("")
    deeper = tmp_path / "store" / "north" / "b.building"
    deeper.parent.mkdir()
    deeper.touch()
    with whole_file(tmp_path / "store" / "c.parquet") as written:  # by a process that lives
        written.write_text("whole")
        assert sweep(tmp_path / "store", is_deep=False) == [left, folder]
        assert sweep(tmp_path / "store") == [deeper]
    assert sorted((tmp_path / "store").glob("*.*")) == [kept, tmp_path / "store" / "c.parquet"]
    assert sweep(tmp_path / "nowhere") == []


def test_the_lock_is_held_once_and_freed_by_death(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from registry_pipeline.core.files import exclusive\n"
        "with exclusive(Path(sys.argv[1])):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -9
    with exclusive(tmp_path), pytest.raises(StoreError, match="another refresh"), exclusive(tmp_path):
        pass
    with exclusive(tmp_path):
        pass


def test_a_full_disk_is_told_in_whatever_words_a_library_has_for_it(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match="the disk is full"),
        disk_errors_as_store_error(tmp_path / "history"),
    ):
        raise sqlite3.OperationalError("database or disk is full")


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("landing/west/1.building", "{}/landing/west: the folder cannot be written"),
        ("landing", "{}/landing: the folder cannot be written"),
        ("inbox", "{}/inbox: may not be read or written; check its owner and mode"),
        (
            "landing/ledger.json",
            "{}/landing/ledger.json: may not be read or written; check its owner and mode",
        ),
    ],
)
def test_what_the_system_refuses_is_named_and_not_the_folder_that_was_to_be_written(
    tmp_path: Path, named: str, told: str
) -> None:
    with (
        pytest.raises(StoreError) as refusal,
        disk_errors_as_store_error(tmp_path / "landing" / "ledger.json"),
    ):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / named))
    assert str(refusal.value) == told.format(tmp_path) + "; ledger.json was not written"


FILLING = """
import resource, signal, sys
from pathlib import Path
import polars as pl
from registry_pipeline.core.files import StoreError
from registry_pipeline.store.parquet import write_parquet
frame = pl.DataFrame({name: [f"{name}{row}" for row in range(40)] for name in ("lesion", "exam", "site")})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
whole = write_parquet(frame, Path(sys.argv[1]) / "whole.parquet").stat().st_size
for limit in range(1, whole, 13):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_parquet(frame, Path(sys.argv[1]) / "table.parquet")
    except StoreError as problem:
        assert "the disk is full; table.parquet was not written" in str(problem), problem
    else:
        raise AssertionError(limit)
"""


def test_wherever_a_table_meets_the_end_of_the_disk_it_is_said(tmp_path: Path) -> None:
    """The system answers at the largest file that a process may write as it does when the disk is full."""
    done = subprocess.run(
        [sys.executable, "-c", FILLING, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["whole.parquet"]


def test_only_files_without_a_noted_hash_wait_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a power cut takes of a working file its hash tells; nothing tells what it took of another file."""
    synced: list[str] = []
    monkeypatch.setattr(
        "registry_pipeline.core.files.sync", lambda path: synced.append(path.name.split(".")[0])
    )
    write_parquet(FRAME, tmp_path / "rows.parquet")
    write_json({}, tmp_path / "noted.json", is_noted=True)
    assert synced == []
    write_hashed_json({}, tmp_path / "note.json")
    assert synced == ["note", tmp_path.name]
