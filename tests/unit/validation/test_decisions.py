"""The ledger of decisions: appended, never changed, never half written; and which decisions are in force."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from registry_pipeline.core.sqlite_errors import sqlite_reason
from registry_pipeline.validation.decisions.in_force import (
    contradiction,
    decision_rows,
    in_force,
    merged_patients,
    states_of,
    survivors,
    waived_findings,
)
from registry_pipeline.validation.decisions.ledger import (
    Decision,
    Draft,
    LedgerError,
    Subject,
    append_decisions,
    value_digest,
)
from registry_pipeline.validation.decisions.ledger import (
    read_decisions as read_with_key,
)
from schemas.table import columns_of

ROOT = Path(__file__).resolve().parents[3]
KEY = b"k" * 32
ABOUT = Subject("F1", "M01", "west", "measurement", "west-1", "long_axis_mm", value_digest("190", KEY))
DAY = date(2026, 3, 1)


def _add(path: Path, state: str, about: Subject = ABOUT, until: str | None = None) -> Decision:
    return append_decisions(path, KEY, [Draft(about, state, "seen", "A. Steward", until)])[0]


def read_decisions(path: Path) -> list[Decision]:
    return read_with_key(path, KEY)


def _pair(number: int, one: str, other: str, state: str = "same_person") -> Decision:
    key = "|".join(sorted((one, other)))
    return Decision(number, "2026-01-01T00:00:00+00:00", f"F{key}", state, "r", "n", None, "V05", "west",
                    "patient", key, "patient_id", "", None, None, None, None, "")  # fmt: skip


def test_what_is_appended_is_read_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    assert read_decisions(path) == [] and not path.exists()
    before = datetime.now(UTC)
    made = [_add(path, "confirmed"), _add(path, "withdrawn"), _add(path, "waived", until="2027-01-31")]
    assert read_decisions(path) == made
    assert [one.decision_no for one in made] == [1, 2, 3]
    assert before <= datetime.fromisoformat(made[0].decided_at) <= datetime.now(UTC)
    assert made[2].until == "2027-01-31" and made[0].reason == "seen" and made[0].decided_by == "A. Steward"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not any(isinstance(one, str) and one == "190" for one in (*vars(made[0]).values(),))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["decisions.sqlite", "secrets"]


def test_an_unknown_state_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown state 'maybe'"):
        _add(tmp_path / "decisions.sqlite", "maybe")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE decision SET state = 'confirmed'",
        "UPDATE OR REPLACE decision SET decision_no = 2 WHERE decision_no = 1",
        "DELETE FROM decision",
        "INSERT OR REPLACE INTO decision SELECT * FROM decision WHERE decision_no = 1",
        "REPLACE INTO decision SELECT * FROM decision WHERE decision_no = 2",
    ],
)
def test_no_entry_can_be_changed_or_removed(tmp_path: Path, change: str) -> None:
    path = tmp_path / "decisions.sqlite"
    made = [_add(path, "waived"), _add(path, "reopened")]
    with closing(sqlite3.connect(path)) as ledger, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        ledger.execute(change)
    assert read_decisions(path) == made


@pytest.mark.parametrize(
    "change",
    [
        "DROP TRIGGER no_update; UPDATE decision SET reason = 'another' WHERE decision_no = 1",
        "DROP TRIGGER no_delete; DELETE FROM decision WHERE decision_no = 1",
        "DROP TRIGGER no_update; UPDATE decision SET until = '2030-01-01' WHERE decision_no = 3",
        "INSERT INTO decision SELECT 4, decided_at, finding_id, 'waived', reason, decided_by, until, rule_id,"
        " facility_id, table_name, record_key, items, value_digest, NULL, NULL, NULL, NULL, entry_hash FROM decision WHERE decision_no = 3",
    ],
)
def test_a_change_behind_its_back_is_seen(tmp_path: Path, change: str) -> None:
    path = tmp_path / "decisions.sqlite"
    for state in ("waived", "reopened", "confirmed"):
        _add(path, state)
    with closing(sqlite3.connect(path)) as ledger:
        ledger.executescript(f"{change};")
    with pytest.raises(LedgerError, match="was changed or removed"):
        read_decisions(path)
    with pytest.raises(LedgerError, match="was changed or removed"):
        _add(path, "confirmed")


def test_what_is_no_ledger_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    path.write_text("not a database, but long enough to be looked at as one" * 30)
    with pytest.raises(
        LedgerError, match=r"cannot be used .it is damaged; restore it from the backup"
    ) as told:
        read_decisions(path)
    assert "\n" not in str(told.value)


def test_a_ledger_on_a_disk_that_takes_no_writing_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "decisions.sqlite"
    made = [_add(path, "waived")]
    really_open = os.open

    def refuse_writers(name: str | Path, flags: int, *more: int) -> int:
        if Path(name) == path and flags & os.O_ACCMODE != os.O_RDONLY:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(name))
        return really_open(name, flags, *more)

    monkeypatch.setattr(os, "open", refuse_writers)
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    assert read_decisions(path) == made


def _held_elsewhere(path: Path) -> sqlite3.Connection:
    other = sqlite3.connect(path)
    other.execute("BEGIN EXCLUSIVE")
    return other


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("read-only", "may not be written; check their owner and mode"),
        ("folder", "may not be read or written; check their owner and mode"),
        ("held", "another process holds it; try again"),
        ("full", "the disk is full"),
        ("text", "it is damaged; restore it from the backup"),
    ],
)
def test_what_keeps_a_file_of_sqlite_from_being_used_is_told_with_what_to_do(
    tmp_path: Path, way: str, told: str
) -> None:
    path = tmp_path / ("." if way == "folder" else "some.sqlite")
    if way == "text":
        path.write_text("no database " * 200)
    elif way != "folder":
        with closing(sqlite3.connect(path)) as made:
            made.execute("CREATE TABLE t (c TEXT)")
    with ExitStack() as stack, pytest.raises(sqlite3.Error) as problem:
        if way == "held":
            stack.enter_context(closing(_held_elsewhere(path)))
        address = f"{path.as_uri()}{'?mode=ro' if way == 'read-only' else ''}"
        connection = stack.enter_context(closing(sqlite3.connect(address, uri=True, timeout=0)))
        if way == "full":
            connection.execute("PRAGMA max_page_count = 1")
        connection.execute("INSERT INTO t VALUES (?)", ["x" * 10_000])
    assert told in sqlite_reason(problem.value)


WRITER = """
import sys
from pathlib import Path
from registry_pipeline.validation.decisions.ledger import Draft, Subject, append_decisions
path, name, times = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(times):
    about = Subject(f"{name}-{number}", "M01", "west", "measurement", "k", "i", "d")
    append_decisions(path, b"k" * 32, [Draft(about, "confirmed", "seen", name)])
    print(number, flush=True)
"""


def _writer(path: Path, name: str, times: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), name, str(times)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_several_processes_append_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    path, times = tmp_path / "decisions.sqlite", 12
    writers = [_writer(path, name, times) for name in ("a", "b", "c")]
    assert [one.wait(timeout=120) for one in writers] == [0, 0, 0]
    made = read_decisions(path)
    assert [one.decision_no for one in made] == list(range(1, 3 * times + 1))
    for name in ("a", "b", "c"):
        own = [one.finding_id for one in made if one.decided_by == name]
        assert own == [f"{name}-{number}" for number in range(times)]


@pytest.mark.parametrize("n_said", [1, 4, 9])
def test_a_writer_killed_in_the_middle_loses_nothing_that_it_said_was_written(
    tmp_path: Path, n_said: int
) -> None:
    path = tmp_path / "decisions.sqlite"
    writer = _writer(path, "a", 10_000)
    assert writer.stdout is not None
    for _ in range(n_said):
        writer.stdout.readline()
    time.sleep(0.001 * n_said)  # somewhere within the next append
    writer.kill()
    said = n_said + len(writer.stdout.read().split())
    writer.wait()
    made = read_decisions(path)
    assert said <= len(made) <= said + 1
    assert _add(path, "waived").decision_no == len(made) + 1


def test_the_last_decision_counts_until_its_day_has_passed(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    first = _add(path, "confirmed")
    assert in_force([first], DAY) == [first]
    second = _add(path, "waived", until="2026-03-01")
    assert in_force([first, second], DAY) == [second]
    assert in_force([first, second], date(2026, 3, 2)) == []
    assert waived_findings(in_force([first, second], DAY)) == {"F1": value_digest("190", KEY)}
    assert in_force([first, second, _add(path, "withdrawn")], DAY) == [first], "as if it had not been taken"
    assert in_force([first, _add(path, "withdrawn")], DAY) == []
    assert in_force([first, _add(path, "remark"), _add(path, "assigned")], DAY) == [first]


def test_a_decision_holds_for_the_value_that_it_was_taken_on(tmp_path: Path) -> None:
    made = _add(tmp_path / "decisions.sqlite", "waived")

    def state(value: str | None) -> list[str]:
        findings = pl.DataFrame({"finding_id": ["F1", "F2"], "value_text": [value, "190"]})
        return states_of([made], findings, KEY, DAY)["state"].to_list()

    assert state("190") == ["waived"]
    assert state("191") == state(None) == ["reopened"]
    gone = pl.DataFrame(schema={"finding_id": pl.String, "value_text": pl.String})
    assert states_of([made], gone, KEY, DAY)["state"].to_list() == ["waived"]
    assert value_digest("190", KEY) != value_digest("190", b"l" * 32)


def test_rows_of_the_release_say_which_decision_is_in_force(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    made = [_add(path, "confirmed"), _add(path, "waived", until="2026-04-01")]
    columns = columns_of(schemas.tables()["quality.decision"])
    rows = decision_rows(made, in_force(made, DAY))
    assert all(set(row) == {one.name for one in columns} for row in rows)
    frame = pl.DataFrame(rows, schema={one.name: one.polars_type for one in columns})
    schemas.tables()["quality.decision"].validate(frame)
    assert frame.select("decision_no", "state", "until_date", "is_in_force").rows() == [
        (1, "confirmed", None, False),
        (2, "waived", date(2026, 4, 1), True),
    ]


def test_chains_of_merges_are_followed_and_the_lowest_pseudonym_survives() -> None:
    groups = merged_patients([_pair(1, "P5", "P3"), _pair(2, "P3", "P9"), _pair(3, "P1", "P2")])
    assert groups == [["P1", "P2"], ["P3", "P5", "P9"]]
    assert survivors(groups) == {"P2": "P1", "P5": "P3", "P9": "P3"}
    assert survivors(groups, {"P5", "P9", "P2"}) == {"P9": "P5"}


def test_decisions_that_contradict_each_other_are_refused_and_never_both_followed() -> None:
    joined, apart = _pair(1, "P1", "P2"), _pair(2, "P2", "P3")
    other = _pair(3, "P1", "P3", "different_persons")
    assert merged_patients([joined, other, replace(apart, decision_no=4)]) == [["P1", "P2"]]
    assert "keeps two of the patients apart" in (
        contradiction([joined, other], ("P2", "P3"), "same_person") or ""
    )
    assert contradiction([other], ("P2", "P3"), "same_person") is None
    assert "make them one person" in (contradiction([joined, apart], ("P1", "P3"), "different_persons") or "")
    assert contradiction([joined], ("P1", "P3"), "different_persons") is None


PEOPLE = st.sampled_from([f"P{number}" for number in range(7)])
PAIRS = st.lists(
    st.tuples(PEOPLE, PEOPLE, st.sampled_from(["same_person", "different_persons"])).filter(
        lambda one: one[0] != one[1]
    ),
    max_size=12,
)


@given(PAIRS)
def test_merges_are_a_partition_that_no_decision_speaks_against(pairs: list[tuple[str, str, str]]) -> None:
    last = {frozenset(one[:2]): _pair(number, *one) for number, one in enumerate(pairs, 1)}
    standing = sorted(last.values(), key=lambda one: one.decision_no)
    groups = merged_patients(standing)
    members = [one for group in groups for one in group]
    assert len(members) == len(set(members)) and all(group == sorted(group) for group in groups)
    for one in standing:
        together = any(set(one.pair) <= set(group) for group in groups)
        if one.state == "different_persons":
            assert not together
    if all(one.state == "same_person" for one in standing):
        assert all(any(set(one.pair) <= set(group) for group in groups) for one in standing)
    assert merged_patients(reversed(standing)) == groups or any(
        one.state != "same_person" for one in standing
    )


def test_a_group_of_other_facilities_merges_nobody_here() -> None:
    groups = [["P1", "P2"], ["P3", "P4", "P5"]]
    assert survivors(groups, {"P4", "P5"}) == {"P5": "P4"}
    assert survivors(groups, {"P9"}) == {}
