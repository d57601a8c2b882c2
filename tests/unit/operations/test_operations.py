"""Audit log, backup, restore and doctor over a small home; no refresh runs here."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import click
import duckdb
import pytest

from registry_pipeline.cli.main import registry as program
from registry_pipeline.core.chain_head import copy_heads, head_path
from registry_pipeline.core.files import StoreError, exclusive
from registry_pipeline.core.home import Home, make_home
from registry_pipeline.core.locks import locked
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.defs.server import serve
from registry_pipeline.intake.landing.ledger import LEDGER, read_ledger, withdraw, write_ledger
from registry_pipeline.operations import audit, doctor
from registry_pipeline.operations.audit import (
    audit_log,
    read_audit_log,
    record,
    record_served_release,
    recorded,
    recorded_refresh,
    unfinished,
)
from registry_pipeline.operations.backup import SERVED, back_up, restore
from registry_pipeline.pipeline import refresh
from registry_pipeline.pipeline.decisions import renew_ledger_head
from registry_pipeline.pipeline.errors import Refused
from registry_pipeline.pipeline.mend import mend_home
from registry_pipeline.pipeline.refresh import take_in
from registry_pipeline.store.inputs import keep_inputs
from registry_pipeline.store.integrity import damaged_files, write_checksums
from registry_pipeline.store.releases import (
    CHECKSUMS,
    current_release,
    open_release,
    release_folder,
    release_ids,
    switch,
)
from registry_pipeline.store.retention import (
    Retention,
    pin,
    pinned,
    release_bytes,
    remove_releases,
    to_prune,
    unpin,
)
from registry_pipeline.validation.decisions.ledger import LedgerError, append_decisions, read_decisions
from tests.support.registry_home import (
    COMMAND,
    HOSPITAL,
    ROOT,
    command,
    good_files,
    send,
    send_all,
    small_home,
)

RELEASES = ("2026-01-01T000000Z-aaaaaa", "2026-01-02T000000Z-bbbbbb")
OLDEST = "2025-01-01T000000Z-dddddd"


def served_home(root: Path) -> Home:
    """A home with landed files and two releases that hold next to nothing."""
    home = small_home(root)
    send_all(home, good_files())
    take_in(home)
    for release_id in RELEASES:
        folder = release_folder(home, release_id)
        (folder / "reports").mkdir(parents=True)
        (folder / "reports" / "study_report.html").write_text("<html></html>")
        with duckdb.connect(str(folder / "registry.duckdb")) as connection:
            connection.execute("CREATE VIEW open_findings AS SELECT 'error' AS severity WHERE false")
            facts = f"SELECT '{release_id}' AS release_id, '' AS input_hash"
            connection.execute(f"CREATE SCHEMA meta; CREATE TABLE meta.release AS {facts}")
        write_checksums(folder)
    switch(home, RELEASES[0])
    record(home, "refresh", "done", RELEASES[0])
    return home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return served_home(tmp_path / "home")


def test_a_home_that_has_just_been_put_right_is_not_looked_through_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = small_home(tmp_path)
    mended: list[Home] = []
    monkeypatch.setattr(refresh, "mend_home", lambda home: mended.append(home))
    take_in(home, is_mended=True)
    assert mended == []
    take_in(home)
    assert mended == [home]


def contents(home: Home) -> dict[str, bytes]:
    """Every file that a backup must bring back as it is: the audit log goes on meanwhile."""
    left_out = {"store", "inbox", "dagster"}
    return {
        str(path.relative_to(home.root)): path.read_bytes()
        for path in sorted(home.root.rglob("*"))
        if path.is_file()
        and path.relative_to(home.root).parts[0] not in left_out | {"current"}
        and path.name not in (".lock", "audit.jsonl", "audit.head")
    }


def test_a_backup_and_the_key_give_the_same_home_elsewhere(home: Home, tmp_path: Path) -> None:
    before, entries = contents(home), read_audit_log(home)
    folder = back_up(home, tmp_path / "disk")
    assert home.key_file.read_text().strip() not in "".join(
        path.read_text(errors="ignore") for path in folder.rglob("*") if path.is_file()
    )
    key = shutil.copy(home.key_file, tmp_path / "key")
    shutil.rmtree(home.root)
    restored = restore(folder, tmp_path / "elsewhere" / "home", Path(key))
    assert contents(restored) == before
    assert read_audit_log(restored)[: len(entries)] == entries
    assert current_release(restored) == RELEASES[0]
    assert damaged_files(restored, RELEASES[1]) == []
    assert restored.key_file.stat().st_mode & 0o777 == 0o600
    assert all(path.stat().st_mode & 0o077 == 0 for path in restored.root.rglob("*") if not path.is_symlink())


def test_every_flipped_bit_of_a_backup_is_told_and_nothing_is_restored(home: Home, tmp_path: Path) -> None:
    folder = back_up(home, tmp_path / "disk")
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size):
        content = path.read_bytes()
        path.chmod(0o600)  # landed files are 0400, which holds for whoever is not root
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        with pytest.raises((StoreError, ConfigurationError)):
            restore(folder, tmp_path / "new", home.key_file)
        path.write_bytes(content)
        assert not (tmp_path / "new").exists()
    path.unlink()
    with pytest.raises((StoreError, ConfigurationError)):
        restore(folder, tmp_path / "new", home.key_file)


@pytest.mark.parametrize("kept", [lambda lines: [], lambda lines: lines[:-1], lambda lines: [*lines, "abc"]])
def test_a_backup_whose_list_was_cut_is_not_called_whole(
    home: Home, tmp_path: Path, kept: Callable[[list[str]], list[str]]
) -> None:
    """As by a copy that was broken off: what the list does not name nobody has compared."""
    folder = back_up(home, tmp_path / "disk")
    sums = folder / CHECKSUMS
    sums.write_text("\n".join(kept(sums.read_text().splitlines())))
    with pytest.raises(StoreError, match=CHECKSUMS):
        restore(folder, tmp_path / "new", home.key_file)
    assert not (tmp_path / "new").exists()


def test_nothing_is_restored_that_was_not_backed_up(home: Home, tmp_path: Path) -> None:
    folder = back_up(home, tmp_path / "disk")
    (folder / "landing" / "other").symlink_to(home.key_file)
    with pytest.raises(StoreError, match=r"SHA256SUMS: does not name landing/other; move away"):
        restore(folder, tmp_path / "new", home.key_file)
    with pytest.raises(ConfigurationError, match="lies in the backup itself"):
        restore(folder, folder / "home", home.key_file)


def test_a_ledger_of_decisions_that_cannot_be_copied_is_named(home: Home, tmp_path: Path) -> None:
    home.decisions.write_bytes(b"no ledger at all" * 100)
    assert states(home)["decisions"] == "error"
    with pytest.raises(StoreError, match=r"decisions\.sqlite: the ledger of decisions cannot be copied"):
        back_up(home, tmp_path / "disk")
    assert list((tmp_path / "disk").iterdir()) == []


def test_a_backup_is_refused_where_it_helps_nobody(home: Home, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="lies in the home itself"):
        back_up(home, home.root / "backup")
    folder = back_up(home, tmp_path / "disk")
    with pytest.raises(ConfigurationError, match="is there already"):
        restore(folder, home.root, home.key_file)
    with pytest.raises(ConfigurationError, match="is no backup"):
        restore(tmp_path, tmp_path / "new", home.key_file)
    other = make_home(tmp_path / "other")
    with pytest.raises(ConfigurationError, match=f"^{other.key_file}: is not the key of this backup"):
        restore(folder, tmp_path / "new", other.key_file)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        restore(folder, tmp_path / "new", tmp_path / "nowhere")
    assert not (tmp_path / "new").exists()


def test_a_backup_is_whole_while_files_land_and_releases_switch(home: Home, tmp_path: Path) -> None:
    stop = threading.Event()

    def work() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            send(
                home,
                f"contacts_{number}.csv",
                good_files()["contacts_1.csv"] + f"K{number:04d},N{number},2020-01-01,alive\n",
            )
            take_in(home)
            switch(home, RELEASES[number % 2])
            record(home, "refresh", "done", RELEASES[number % 2])

    worker = threading.Thread(target=work)
    worker.start()
    try:
        folders = [back_up(home, tmp_path / "disk") for _ in range(5)]
    finally:
        stop.set()
        worker.join()
    for number, folder in enumerate(folders):
        restored = restore(folder, tmp_path / f"home{number}", home.key_file)
        assert current_release(restored) in RELEASES
        assert read_audit_log(restored)
        ledger = json.loads((restored.landing / HOSPITAL / "submissions.json").read_text())["files"]
        held = {path.name.split(".")[0] for path in restored.landing.rglob("*") if path.is_file()}
        assert {entry["sha256"] for entry in ledger} <= {name[:64] for name in held}


def test_a_killed_backup_leaves_nothing_that_looks_like_one(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("registry_pipeline.operations.backup.write_checksums", fail)
    with pytest.raises(StoreError, match="the disk is full"):
        back_up(home, tmp_path / "disk")
    assert list((tmp_path / "disk").iterdir()) == []


@pytest.mark.parametrize("change", ["rewritten", "removed", "put in between", "cut in the middle", "no JSON"])
def test_the_audit_log_is_append_only(home: Home, change: str) -> None:
    for number in range(4):
        record(home, "backup", details=f"number {number}")
    path = audit_log(home)
    lines = path.read_bytes().splitlines(keepends=True)
    lines = {
        "rewritten": [lines[0], lines[1].replace(b"number 0", b"number 7"), *lines[2:]],
        "removed": [lines[0], *lines[2:]],
        "put in between": [lines[0], lines[1], lines[1], *lines[2:]],
        "cut in the middle": [*lines[:-1], lines[-1][:-5]],
        "no JSON": [*lines, b"[]\n"],
    }[change]
    path.write_bytes(b"".join(lines))
    for use in (read_audit_log, lambda home: record(home, "backup")):
        with pytest.raises(StoreError, match=r"is not what was written|is missing or another one"):
            use(home)


@pytest.mark.parametrize("n_left", [0, 1, 3, 4])
def test_entries_cut_off_at_the_end_of_the_audit_log_are_missed(home: Home, n_left: int) -> None:
    for number in range(4):
        record(home, "backup", details=f"number {number}")
    path = audit_log(home)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:n_left]))
    for use in (read_audit_log, lambda home: record(home, "backup")):
        with pytest.raises(StoreError, match=r"entry .* of 5 is missing or another one; restore it"):
            use(home)
    path.unlink()
    with pytest.raises(StoreError, match="entry 1 of 5 is missing"):
        read_audit_log(home)


@pytest.mark.parametrize("way", ["flipped", "cut", "gone", "head gone", "older than the release"])
def test_a_damaged_audit_log_is_set_aside_and_a_new_one_begins(home: Home, way: str) -> None:
    """Without that no refresh would ever begin: a backup's log lacks what a later release knows of its end."""
    path, head = audit_log(home), head_path(audit_log(home))
    record(home, "backup", details="kept in the backup")
    earlier = {path: path.read_bytes(), head: head.read_bytes()}
    record(home, "backup", details="of today")
    copy_heads(home.root, release_folder(home, RELEASES[1]))
    code, output = command(home, "audit", "--begin-anew", "--by", "op", "--reason", "no need")
    assert (code, "is what was written; nothing was changed" in output) == (2, True), output
    content = path.read_bytes()
    {
        "flipped": lambda: path.write_bytes(content.replace(b"kept", b"lept")),
        "cut": lambda: path.write_bytes(content[: len(content) // 2]),
        "gone": path.unlink,
        "head gone": head.unlink,
        "older than the release": lambda: [one.write_bytes(content) for one, content in earlier.items()],
    }[way]()
    code, output = command(home, "audit")
    assert (code, "registry audit --begin-anew" in output) == (1, True), output
    assert command(home, "audit", "--begin-anew")[0] == 2
    code, output = command(home, "audit", "--begin-anew", "--by", "op", "--reason", "a bit")
    assert code == 0, output
    record(home, "refresh")
    first, second = read_audit_log(home)
    assert (first.action, second.action) == ("audit", "refresh") and "begun anew by op" in first.details
    aside = sorted(home.root.glob("audit-*.jsonl"))
    assert len(aside) == (way != "gone")
    copy_heads(home.root, release_folder(home, RELEASES[1]))
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(StoreError, match="entry 2 of 2 is missing"):
        read_audit_log(home)


def test_no_refresh_begins_that_could_not_be_recorded(home: Home) -> None:
    audit_log(home).write_bytes(b"")
    with pytest.raises(StoreError, match="is missing"), recorded_refresh(home):
        pytest.fail("the refresh has begun")


def test_a_line_that_a_power_cut_left_half_written_goes(home: Home) -> None:
    """No head names it: it was never said to be on the disk."""
    record(home, "backup", details="whole")
    whole = audit_log(home).read_bytes()
    audit_log(home).write_bytes(whole + b'{"entry_no": 3, "at"')
    assert [entry.details for entry in read_audit_log(home)] == ["", "whole"]
    assert record(home, "backup", details="next").entry_no == 3
    assert [entry.details for entry in read_audit_log(home)] == ["", "whole", "next"]


KILLED = """
import os, signal, sys
from pathlib import Path
from registry_pipeline.core.home import Home
from registry_pipeline.cli.context import run
from registry_pipeline.cli.main import registry
from registry_pipeline.operations import audit, backup
from registry_pipeline.store import retention
from registry_pipeline.validation.decisions import ledger
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
backup.write_checksums = retention.sync = die
if sys.argv[2] in ("record", "decide"):
    audit.write_head = ledger.write_head = die
home = Home(Path(sys.argv[1]))
subject = ledger.Subject("F1", "M01", "north", "measurement", "k", "i", "d")
{
    "backup": lambda: backup.back_up(home, Path(sys.argv[3])),
    "prune": lambda: run(registry, ["--home", sys.argv[1], "releases", "prune", "--keep", "1"]),
    "refresh": lambda: audit.recorded_refresh(home).__enter__() or die(),
    "record": lambda: audit.record(home, "backup", details="before its head"),
    "decide": lambda: ledger.append_decisions(home.decisions, home.key(), [ledger.Draft(subject, "waived", "seen", "A")]),
}[sys.argv[2]]()
"""


def killed(home: Home, action: str, folder: Path) -> None:
    arguments = [sys.executable, "-c", KILLED, str(home.root), action, str(folder)]
    assert subprocess.run(arguments, cwd=ROOT, check=False).returncode == -9


def test_an_entry_whose_head_a_kill_prevented_is_kept(home: Home, tmp_path: Path) -> None:
    killed(home, "record", tmp_path)
    killed(home, "decide", tmp_path)
    assert read_audit_log(home)[-1].details == "before its head"
    assert record(home, "backup").entry_no == 3
    assert [entry.finding_id for entry in read_decisions(home.decisions, home.key())] == ["F1"]
    assert not head_path(home.decisions).exists()
    left = head_path(home.decisions).with_name("decisions.head.1234.building")
    left.touch()
    take_in(home)
    assert not left.exists()
    left = home.facilities / "east.toml.1234.building"
    left.touch()
    take_in(home)
    assert not left.exists()
    renew_ledger_head(home)
    assert '"n_entries": 1' in head_path(home.decisions).read_text()


def test_a_release_whose_refresh_was_killed_before_its_entry_is_recorded_once(home: Home) -> None:
    switch(home, RELEASES[1])
    for _ in range(2):
        record_served_release(home)
    entries = read_audit_log(home)
    assert [entry.release_id for entry in entries] == list(RELEASES)
    assert entries[1].details == "the refresh ended before it could be recorded"


def test_what_a_killed_backup_left_is_swept_by_the_next_and_a_running_one_is_not(
    home: Home, tmp_path: Path
) -> None:
    killed(home, "backup", tmp_path / "disk")
    left = set((tmp_path / "disk").iterdir())
    (lock,) = [path for path in left if path.name.endswith(".building.lock")]
    with locked(lock):  # as if it were running
        first = back_up(home, tmp_path / "disk")
    assert set((tmp_path / "disk").iterdir()) == {*left, first}
    second = back_up(home, tmp_path / "disk")
    assert set((tmp_path / "disk").iterdir()) == {first, second}


def test_a_restored_home_knows_where_its_ledgers_end(home: Home, tmp_path: Path) -> None:
    record(home, "backup", details="one more")
    restored = restore(back_up(home, tmp_path / "disk"), tmp_path / "elsewhere", home.key_file)
    assert len(read_audit_log(restored)) == 4  # with the backup's beginning and the restoring
    lines = audit_log(restored).read_bytes().splitlines(keepends=True)
    audit_log(restored).write_bytes(lines[0])
    with pytest.raises(StoreError, match="entry 2 of 4 is missing"):
        read_audit_log(restored)


def test_entries_of_many_processes_at_once_are_all_kept(home: Home) -> None:
    code = (
        "import sys; from pathlib import Path; from registry_pipeline.core.home import Home; "
        "from registry_pipeline.operations.audit import record; "
        "[record(Home(Path(sys.argv[1])), 'test', details=sys.argv[2]) for _ in range(20)]"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", code, str(home.root), str(number)], cwd=ROOT)
        for number in range(4)
    ]
    assert [worker.wait() for worker in workers] == [0] * 4
    entries = read_audit_log(home)
    assert len(entries) == 81
    assert {entry.details for entry in entries[1:]} == {"0", "1", "2", "3"}


def test_a_refused_refresh_is_recorded_and_still_told(home: Home) -> None:
    with pytest.raises(Refused, match="why"), recorded_refresh(home):
        raise Refused("why")
    with recorded_refresh(home):
        pass
    assert [(entry.outcome, entry.details) for entry in read_audit_log(home)[-4:]] == [
        ("begun", ""),
        ("refused", "why"),
        ("begun", ""),
        ("done", ""),
    ]


def test_the_audit_log_cuts_what_somebody_writes_at_length(home: Home) -> None:
    with recorded(home, "pin", "R", "x" * 1_000_000):
        pass
    assert [len(entry.details) for entry in read_audit_log(home) if entry.action == "pin"] == [500, 500]


def test_what_was_killed_stands_in_the_audit_log(home: Home, tmp_path: Path) -> None:
    """Of a backup, of a pruning and of a refresh the first entry; what is whole has both."""
    killed(home, "backup", tmp_path / "disk")
    assert unfinished(read_audit_log(home), "backup")
    assert states(home)["backup"] == "warning"
    folder = back_up(home, tmp_path / "disk")
    begun, done = read_audit_log(home)[-2:]
    assert [(entry.action, entry.outcome, entry.details) for entry in (begun, done)] == [
        ("backup", "begun", folder.name),
        ("backup", "done", folder.name),
    ]
    assert states(home)["backup"] == "well"
    assert "has not ended" not in str(doctor.examine(home))
    shutil.copytree(release_folder(home, RELEASES[0]), release_folder(home, OLDEST))
    killed(home, "prune", tmp_path)
    assert unfinished(read_audit_log(home), "prune")
    killed(home, "refresh", tmp_path)
    assert states(home)["last refresh"] == "error"
    with exclusive(home.store):  # it runs
        assert states(home)["last refresh"] == "well"


def test_a_full_disk_keeps_nobody_from_pruning(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(release_folder(home, RELEASES[0]), release_folder(home, OLDEST))
    write, is_full = os.write, [True]

    def full_once(handle: int, content: bytes) -> int:
        if is_full.pop() if is_full else False:
            raise OSError(28, os.strerror(28))
        return write(handle, content)

    monkeypatch.setattr(os, "write", full_once)
    assert command(home, "releases", "prune", "--keep", "1")[0] == 0
    assert OLDEST not in release_ids(home)
    assert [(entry.action, entry.outcome) for entry in read_audit_log(home)[1:]] == [("prune", "done")]
    is_full.append(True)
    code, output = command(home, "releases", "pin", RELEASES[0])
    assert (code, "the disk is full" in output) == (1, True), output
    assert pinned(home) == set()


def test_every_action_of_an_operator_is_recorded(home: Home, tmp_path: Path) -> None:
    first = RELEASES[0]
    calls = (
        ("releases", "pin", first), ("releases", "unpin", first), ("releases", "serve", first),
        ("releases", "serve", "2020-01-01T000000Z-cccccc"), ("releases", "prune", "--keep", "1"),
    )  # fmt: skip
    shutil.copytree(release_folder(home, first), release_folder(home, OLDEST))
    codes = [command(home, *arguments)[0] for arguments in calls]
    assert codes == [0, 0, 0, 2, 0]
    entries = [(entry.action, entry.outcome) for entry in read_audit_log(home)[1:]]
    actions = ["pin", "unpin", "serve", "serve", "prune"]
    outcomes = ["done", "done", "done", "refused", "done"]
    assert entries == [
        entry
        for action, outcome in zip(actions, outcomes, strict=True)
        for entry in ((action, "begun"), (action, outcome))
    ]
    restored = restore(back_up(home, tmp_path / "disk"), tmp_path / "new", home.key_file)
    assert [(entry.action, entry.outcome) for entry in read_audit_log(restored)[-2:]] == [
        ("backup", "begun"),
        ("restore", "done"),
    ]


def test_what_ran_while_a_backup_was_made_does_not_run_in_the_restored_home(
    home: Home, tmp_path: Path
) -> None:
    with suppress(KeyboardInterrupt), recorded_refresh(home):
        folder = back_up(home, tmp_path / "disk")
        raise KeyboardInterrupt
    restored = restore(folder, tmp_path / "new", home.key_file)
    assert unfinished(read_audit_log(home), "refresh") and not unfinished(read_audit_log(restored), "refresh")
    found = states(restored)
    assert found["last refresh"] != "error" and found["backup"] == "well"
    assert "has not ended" not in str(doctor.examine(restored))


OWN_LEDGER = {"decide", "queries import", "review"}
"""What they change are decisions, which have a ledger of their own."""
RECORDED = {
    "backup", "restore", "refresh", "worker", "dev", "screen", "landing withdraw", "facility new", "queries export",
    "export cbioportal", "export omop", "export redcap", "notebook", "releases export", "releases approve", "releases withdraw", "releases pin", "releases unpin",
    "releases prune", "releases serve", "releases verify",
}  # fmt: skip
CHANGE_NOTHING = {
    "alerts", "audit", "decisions", "doctor", "findings", "rule", "report", "sql", "status", "trace", "facility check",
    "landing list", "releases list", "releases show", "releases diff", "init", "demo", "simulate",
}  # fmt: skip
"""Nothing of the home; three make a new one."""


def _commands(group: click.Group, before: str = "") -> set[str]:
    return {
        name
        for word, entry in group.commands.items()
        for name in (_commands(entry, f"{word} ") if isinstance(entry, click.Group) else {f"{before}{word}"})
    }


def test_of_every_command_it_is_said_where_its_change_is_recorded() -> None:
    assert _commands(program) == OWN_LEDGER | RECORDED | CHANGE_NOTHING


def test_what_changes_the_next_refresh_is_recorded_before_it_is_done(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []

    def effect(*_: object, **__: object) -> None:
        last = read_audit_log(home)[-1]
        begun.append((last.action, last.outcome, last.details))
        raise StoreError("the disk is full")

    export = tmp_path / "export.csv"
    export.write_text(good_files()["patients_1.csv"])
    calls = (
        ("screen", "run.judge_inbox", ("screen", "--facility", HOSPITAL), HOSPITAL),
        ("withdraw file", "landing.withdraw",
         ("landing", "withdraw", HOSPITAL, "patients_1.csv", "--by", "A. Keeper", "--reason", "wrong"),
         f"{HOSPITAL} by A. Keeper"),
        ("facility new", "facility._write", ("facility", "new", "south", "--from", str(export)), "south"),
    )  # fmt: skip
    for action, effect_of, arguments, details in calls:
        monkeypatch.setattr(f"registry_pipeline.cli.{effect_of}", effect)
        assert command(home, *arguments)[0] == 1, action
        assert begun[-1] == (action, "begun", details)
        assert read_audit_log(home)[-1].outcome == "refused"


def states(home: Home) -> dict[str, str]:
    """Subject -> state of what the doctor says."""
    return {diagnosis.subject: diagnosis.state for diagnosis in doctor.examine(home)}


def test_a_folder_in_place_of_the_audit_log_is_named(home: Home) -> None:
    audit_log(home).unlink(missing_ok=True)
    audit_log(home).mkdir()
    code, output = command(home, "audit")
    assert (code, f"{audit_log(home)}: is a folder" in output) == (1, True), output


def test_the_doctor_says_what_is_wrong_and_what_to_do(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    first = states(home)
    assert {first[name] for name in ("settings", "modes", "key", "versions", "last refresh", "findings")} == {
        "well"
    }
    assert {first[name] for name in ("daemon", "backup", "inbox")} == {"warning"}
    with exclusive(home.root / "dagster"):
        assert states(home)["daemon"] == "well"
    home.landing.chmod(0o755)
    record(home, "refresh", "refused", details="a blocking rule")
    database = home.releases / RELEASES[0] / "registry.duckdb"
    database.write_bytes(database.read_bytes()[:-1] + b"?")
    usage = shutil.disk_usage(home.root)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage._replace(free=0))
    (home.facilities / "east.toml").write_text("")
    (home.landing / "west").mkdir()
    (home.landing / "west" / LEDGER).write_text("[]")  # its mapping was deleted
    second = states(home)
    assert {second[name] for name in ("modes", "release", "disk", "last refresh")} == {"error"}
    assert second["facility east"] == second["facility west"] == "warning"
    assert all(diagnosis.remedy for diagnosis in doctor.examine(home) if diagnosis.state != "well")
    home.settings_file.write_text("[studdy]\n")
    home.key_file.unlink()
    assert states(home)["settings"] == states(home)["key"] == "error"


def said(home: Home, subject: str) -> list[tuple[str, str]]:
    """State and message of what the doctor says of a subject."""
    return [(one.state, one.message) for one in doctor.examine(home) if one.subject == subject]


def test_the_doctor_does_not_call_well_what_a_wrong_clock_dated(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup of a time to come would count as young until then."""

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + timedelta(days=3650)

    monkeypatch.setattr(audit, "datetime", Ahead)
    record(home, "backup", "begun", details="one")
    record(home, "backup", "done", details="one")
    monkeypatch.undo()
    assert said(home, "backup") == [("warning", "of a time to come: look after the clock")]


@pytest.mark.parametrize(
    "lost, said_of_it",
    [
        ("its ledger", f"is gone, and the served release holds what {HOSPITAL} sent"),
        ("all that landed", f"is gone, and the served release holds what {HOSPITAL} sent"),
        ("its last entry", "lacks files that the served release knows: 1"),
    ],
)
def test_no_release_loses_what_a_ledger_does_not_know_any_more(
    home: Home, tmp_path: Path, lost: str, said_of_it: str
) -> None:
    """The facility counted as one that has sent nothing, or less: its patients were in no new release, without a word."""
    keep_inputs(home, release_folder(home, RELEASES[0]))
    entries = read_ledger(home, HOSPITAL)
    if lost == "its last entry":
        write_ledger(home, HOSPITAL, entries[:-1])
    elif lost == "its ledger":
        (home.landing / HOSPITAL / LEDGER).unlink()
    else:
        shutil.rmtree(home.landing / HOSPITAL)
    sent = home.inbox / HOSPITAL
    sent.rename(tmp_path / "sent")
    sent.mkdir()
    for use in (take_in, lambda home: back_up(home, tmp_path / "disk")):
        with pytest.raises(StoreError, match=rf"{LEDGER}: {said_of_it}"):
            use(home)
    assert states(home)["landing"] == "error"
    sent.rmdir()
    (tmp_path / "sent").rename(sent)
    take_in(home)
    assert states(home)["landing"] == "well", "the same files again are another way"


@pytest.mark.parametrize("how", ["older", "gone"])
def test_a_ledger_that_forgot_a_withdrawal_lets_nothing_count_again(home: Home, how: str) -> None:
    landed = read_ledger(home, HOSPITAL)
    withdraw(home, HOSPITAL, landed[0].source_file, "A Steward", "sent by mistake")
    keep_inputs(home, release_folder(home, RELEASES[0]))
    take_in(home)
    if how == "older":
        write_ledger(home, HOSPITAL, landed)
    else:
        (home.landing / HOSPITAL / LEDGER).unlink()  # what is in the inbox lands as if it were new
    with pytest.raises(StoreError, match="files that were withdrawn count again: 1; restore"):
        take_in(home)
    withdraw(home, HOSPITAL, landed[0].source_file, "A Steward", "sent by mistake")
    take_in(home)


def test_the_doctor_names_an_alerts_file_that_sends_nothing(home: Home) -> None:
    (home.root / "alerts.toml").write_text("[when]\nnew_error = 1\n")
    assert states(home)["alerts"] == "error"


def test_the_doctor_names_what_takes_no_writing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    really_access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != home.store and really_access(path, mode))
    assert ("error", f"cannot be written: {home.store}; no refresh can end") in said(home, "modes")


STRANGER = 65534


def given_to(home: Home, monkeypatch: pytest.MonkeyPatch, owner: int) -> None:
    """The home as if it were another account's, and this process root's."""
    if os.geteuid() == 0:
        os.chown(home.root, owner, owner)
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def test_root_writes_into_no_home_of_another_account(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """What root writes is root's alone (0600): the account that serves the home could read and refresh nothing more."""
    given_to(home, monkeypatch, STRANGER)
    before = sorted(path for path in home.root.rglob("*") if path.name != ".lock")
    said_so = r"belongs to \S+, who could not read what root writes .*: sudo -u "
    for write in (
        lambda: mend_home(home),
        lambda: record(home, "backup"),
        lambda: append_decisions(home.decisions, home.key(), []),
        lambda: serve(home, 0, (), lambda _: None),
    ):
        with pytest.raises((StoreError, LedgerError), match=said_so):
            write()
    assert sorted(path for path in home.root.rglob("*") if path.name != ".lock") == before
    assert states(home)["release"] != "error", "looking is allowed"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_the_doctor_names_what_belongs_to_another_account(home: Home) -> None:
    assert [state for state, _ in said(home, "modes")] == ["well"]
    sent, ledger = home.inbox / HOSPITAL / "later.csv", home.landing / HOSPITAL / LEDGER
    sent.write_text("number\n")
    for path in (sent, ledger):
        path.chmod(0o600)
        os.chown(path, STRANGER, STRANGER)
    told = ("error", f"belong to another account than the home: {ledger}")
    assert told in said(home, "modes"), "who sends files owns them"


def test_the_commands_say_it_in_their_exit_codes(home: Home, tmp_path: Path) -> None:
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
                              env={**os.environ, "REGISTRY_HOME": str(home.root)})  # fmt: skip

    done = call("doctor", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert {"subject", "state", "message", "remedy"} == set(json.loads(done.stdout)[0])
    assert call("backup", str(tmp_path / "disk")).returncode == 0
    folder = next((tmp_path / "disk").iterdir())
    restored = call("restore", str(folder), str(tmp_path / "new"), "--key", str(home.key_file))
    assert restored.returncode == 0, restored.stderr
    assert "restore" in call("--home", str(tmp_path / "new"), "audit").stdout
    home.landing.chmod(0o755)
    assert call("doctor").returncode == 1
    (folder / SERVED).write_text("x")
    damaged = call("restore", str(folder), str(tmp_path / "newer"), "--key", str(home.key_file))
    assert damaged.returncode == 1
    assert SERVED in damaged.stderr
    assert (folder / CHECKSUMS).is_file()
    assert socket.gethostname() not in damaged.stderr


def test_a_second_release_can_be_attached_and_nothing_else(home: Home, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with open_release(home, RELEASES[0], attached_id=RELEASES[1]) as connection:
        query = "SELECT count(*) FROM open_findings, attached.main.open_findings AS earlier"
        assert connection.execute(query).fetchone() == (0,)
        for statement in (
            f"FROM '{tmp_path / 'secret.csv'}'",
            f"ATTACH '{tmp_path / 'x.duckdb'}'",
            "SET enable_external_access = true",
            "SET memory_limit = '1GB'",
            "CREATE TABLE attached.main.t (a INT)",
            f"COPY (SELECT 1) TO '{tmp_path / 'out.csv'}'",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(statement)


def test_a_release_that_another_program_holds_open_is_not_called_damaged(home: Home) -> None:
    path = home.releases / RELEASES[0] / "registry.duckdb"
    path.chmod(0o600)
    code = (
        f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(StoreError, match=f"process {holder.pid}, holds the release open for writing"):
            open_release(home)
        holder.communicate()
    content = path.read_bytes()
    for damaged in (b"no database" * 1000, content[:9000] + b"?" + content[9001:]):  # the second: of a block
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match="is damaged"):
            open_release(home)
    path.write_bytes(content)
    with open_release(home), pytest.raises(StoreError, match="has the release open in another way"):
        open_release(home, memory_limit="200MB")


def test_pruning_leaves_the_served_the_pinned_and_what_is_read(home: Home) -> None:
    for number in range(3, 7):
        copy = release_folder(home, f"2026-01-0{number}T000000Z-cccccc")
        shutil.copytree(release_folder(home, RELEASES[1]), copy)
    ids = release_ids(home)
    pin(home, ids[1], "cited in a paper")
    assert to_prune(home, Retention(keep=1)) == ids[2:5], "the served one is the oldest, the next is pinned"
    assert to_prune(home, Retention(keep=1), needed=[ids[3]]) == [ids[2], ids[4]]
    assert to_prune(home, Retention(days=36500)) == []
    assert to_prune(home, Retention(max_bytes=0)) == ids[2:]
    size = release_bytes(home, ids[0])
    assert to_prune(home, Retention(max_bytes=size * 5)) == [ids[2]]
    with open_release(home, ids[2]) as reader:
        remove_releases(home, [ids[2]])
        assert reader.execute("SELECT count(*) FROM open_findings").fetchone() == (0,)
    assert ids[2] not in release_ids(home)
    unpin(home, ids[1])
    assert ids[1] in to_prune(home, Retention(keep=1))


def test_a_pin_is_in_the_backup(home: Home, tmp_path: Path) -> None:
    pin(home, RELEASES[1])
    folder = back_up(home, tmp_path / "disk")
    restored = restore(folder, tmp_path / "new", home.key_file)
    assert pinned(restored) == {RELEASES[1]}
