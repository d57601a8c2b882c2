"""Nobody removes, cuts or rewrites decisions, and a ledger of the first version goes on."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from registry_pipeline.core.chain_head import copy_heads, head_path
from registry_pipeline.validation.decisions.ledger import (
    Draft,
    LedgerError,
    Subject,
    append_decisions,
    read_decisions,
)

KEY = b"k" * 32
FIRST_VERSION = (
    "decision_no INTEGER PRIMARY KEY, decided_at TEXT, finding_id TEXT, state TEXT, reason TEXT, decided_by TEXT,"
    " until TEXT, rule_id TEXT, facility_id TEXT, table_name TEXT, record_key TEXT, items TEXT, value_digest TEXT,"
    " entry_hash TEXT"
)


def _draft(name: str, state: str = "waived") -> Draft:
    return Draft(Subject(name, "M01", "west", "measurement", "k", "i", "d"), state, "seen", "A. Steward")


def test_many_decisions_are_one_entry_of_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    appended = append_decisions(path, KEY, [_draft(f"F{number}") for number in range(500)])
    assert [entry.decision_no for entry in appended] == list(range(1, 501))
    assert read_decisions(path, KEY) == appended
    with pytest.raises(ValueError, match="unknown state"):
        append_decisions(path, KEY, [_draft("F1"), _draft("F2", "maybe")])
    assert len(read_decisions(path, KEY)) == 500


def test_a_chain_written_without_the_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    append_decisions(path, b"x" * 32, [_draft("F1"), _draft("F2")])
    with pytest.raises(LedgerError, match="is damaged; restore it"):
        read_decisions(path, KEY)
    head_path(path).unlink()
    with pytest.raises(LedgerError, match="entry 1 was changed"):
        read_decisions(path, KEY)


def _first_version(path: Path, reason: str = "seen") -> None:
    before = ""
    with closing(sqlite3.connect(path)) as ledger:
        ledger.execute(f"CREATE TABLE decision ({FIRST_VERSION})")
        for number in (1, 2):
            values = [number, "2026-01-01T00:00:00+00:00", f"F{number}", "waived", "seen", "A", None, "M01", "west",
                      "measurement", "k", "i", "d"]  # fmt: skip
            before = hashlib.sha256(json.dumps([before, *values], ensure_ascii=False).encode()).hexdigest()
            values[4] = reason if number == 1 else "seen"
            ledger.execute(f"INSERT INTO decision VALUES ({', '.join('?' * 14)})", [*values, before])
        ledger.commit()


def test_a_ledger_of_the_first_version_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    _first_version(path)
    assert [entry.finding_id for entry in read_decisions(path, KEY)] == ["F1", "F2"]
    assert append_decisions(path, KEY, [_draft("F3")])[0].decision_no == 3
    assert [entry.finding_id for entry in read_decisions(path, KEY)] == ["F1", "F2", "F3"]
    with closing(sqlite3.connect(path)) as ledger, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        ledger.execute("DELETE FROM decision")


def test_a_changed_ledger_of_the_first_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    _first_version(path, reason="another")
    with pytest.raises(LedgerError, match="entry 1 was changed"):
        read_decisions(path, KEY)


def cut(path: Path, n_left: int) -> None:
    """Remove the last entries as somebody would who knows SQLite and has no key."""
    with closing(sqlite3.connect(path)) as ledger:
        ledger.execute("DROP TRIGGER no_delete")
        ledger.execute("DELETE FROM decision WHERE decision_no > ?", [n_left])
        ledger.commit()


@pytest.mark.parametrize("n_left", [0, 1, 2])
def test_entries_cut_off_at_the_end_are_missed_before_any_release_holds_them(
    tmp_path: Path, n_left: int
) -> None:
    path = tmp_path / "decisions.sqlite"
    append_decisions(path, KEY, [_draft("F1"), _draft("F2"), _draft("F3")])
    cut(path, n_left)
    with pytest.raises(LedgerError, match=f"entry {n_left + 1} of 3 is missing or another one; restore it"):
        read_decisions(path, KEY)
    with pytest.raises(LedgerError, match="is missing or another one"):
        append_decisions(path, KEY, [_draft("F4")])


def test_an_earlier_copy_a_missing_ledger_and_other_entries_are_missed(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    append_decisions(path, KEY, [_draft("F1")])
    shutil.copyfile(path, tmp_path / "earlier")
    append_decisions(path, KEY, [_draft("F2")])
    shutil.copyfile(tmp_path / "earlier", path)
    with pytest.raises(LedgerError, match="entry 2 of 2 is missing"):
        read_decisions(path, KEY)
    path.unlink()
    with pytest.raises(LedgerError, match="entry 1 of 2 is missing"):
        read_decisions(path, KEY)
    assert not path.exists()


def test_a_head_that_is_gone_or_changed_is_missed_where_a_release_has_a_copy(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    append_decisions(path, KEY, [_draft("F1")])
    release = tmp_path / "releases" / "2026-01-01T000000Z-aaaaaa"
    release.mkdir(parents=True)
    copy_heads(tmp_path, release)
    append_decisions(path, KEY, [_draft("F2")])
    head = head_path(path)
    written = head.read_text()
    assert head.stat().st_mode & 0o077 == 0
    for text in (written.replace('"n_entries": 2', '"n_entries": 1'), "no head", ""):
        head.write_text(text)
        with pytest.raises(LedgerError, match="is damaged"):
            read_decisions(path, KEY)
    head.unlink()
    with pytest.raises(LedgerError, match="is missing; restore it"):
        read_decisions(path, KEY)
    head.write_text(written)
    assert len(read_decisions(path, KEY)) == 2


def test_a_ledger_without_a_head_from_before_heads_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite"
    append_decisions(path, KEY, [_draft("F1")])
    head_path(path).unlink()
    assert len(read_decisions(path, KEY)) == 1
    append_decisions(path, KEY, [_draft("F2")])
    assert head_path(path).is_file()
