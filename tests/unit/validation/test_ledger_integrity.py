"""Nobody removes, cuts or rewrites decisions, and a ledger of the first version goes on."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

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
