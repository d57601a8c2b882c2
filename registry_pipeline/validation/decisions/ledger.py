"""The ledger of decisions: what people said of findings, appended and never changed.

Belongs here: ``decisions.sqlite``: its table, the guards that refuse a change, appending, reading, the
proof that nothing was changed behind its back.
Does not belong here: which decisions are in force and what follows from them (``validation/decisions/in_force.py``),
the command (``cli/decide.py``). Imports nothing heavy: a refresh with nothing new asks the ledger too.

The ledger is one SQLite file with a rollback journal: a process that is killed half-way leaves a journal
with which the next reader restores the last whole entry. Every entry carries a hash over itself and the
hash of the entry before it, so that a change by other means than this program is seen (21 CFR 11.10(e)).
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

STATES = MappingProxyType(
    {
        "confirmed": "the value is correct as it is",
        "waived": "the finding is set aside with a reason; an error no longer keeps its record out",
        "answered": "the facility has answered, the correction is under way",
        "same_person": "the two patients are one person: merged",
        "different_persons": "the two patients are two persons: kept apart",
        "reopened": "the finding waits for somebody again",
        "withdrawn": "the decision before this one no longer holds",
    }
)
"""State of a decision -> what it says."""
OF_PAIRS = ("same_person", "different_persons")
WAIT_SECONDS = 30.0
_TABLE = """
CREATE TABLE IF NOT EXISTS decision (
    decision_no INTEGER PRIMARY KEY,
    decided_at TEXT NOT NULL,
    finding_id TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    until TEXT,
    rule_id TEXT NOT NULL,
    facility_id TEXT NOT NULL,
    table_name TEXT NOT NULL,
    record_key TEXT NOT NULL,
    items TEXT NOT NULL,
    value_digest TEXT NOT NULL,
    entry_hash TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON decision
    BEGIN SELECT RAISE(ABORT, 'the ledger of decisions is append-only'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON decision
    BEGIN SELECT RAISE(ABORT, 'the ledger of decisions is append-only'); END;
CREATE TRIGGER IF NOT EXISTS no_replace BEFORE INSERT ON decision
    WHEN EXISTS (SELECT 1 FROM decision WHERE decision_no = NEW.decision_no)
    BEGIN SELECT RAISE(ABORT, 'the ledger of decisions is append-only'); END;
"""


class LedgerError(Exception):
    """The ledger cannot be read or written, or was changed by other means; told in one line."""


@dataclass(frozen=True)
class Decision:
    """One entry of the ledger.

    Attributes:
        decision_no: from 1, without gaps.
        decided_at: when it was appended, UTC, ISO 8601.
        finding_id: the finding that it speaks of.
        state: one of ``STATES``.
        reason, decided_by: as given.
        until: last day (ISO 8601, UTC) on which it holds, or None.
        rule_id, facility_id, table_name, record_key, items: what the finding was about; for a pair of
            patients the record key is both pseudonyms, joined by ``|``.
        value_digest: keyed hash of the value that was judged; the decision holds for no other.
        entry_hash: hash of all this and of the entry before.
    """

    decision_no: int
    decided_at: str
    finding_id: str
    state: str
    reason: str
    decided_by: str
    until: str | None
    rule_id: str
    facility_id: str
    table_name: str
    record_key: str
    items: str
    value_digest: str
    entry_hash: str

    @property
    def pair(self) -> tuple[str, str]:
        """The two patients that a decision on a pair speaks of."""
        one, _, other = self.record_key.partition("|")
        return one, other


@dataclass(frozen=True)
class Judged:
    """What a decision is about: the columns of its finding that the ledger keeps."""

    finding_id: str
    rule_id: str
    facility_id: str
    table_name: str
    record_key: str
    items: str
    value_digest: str


def value_digest(value_text: str | None, key: bytes) -> str:
    """Keyed hash of what was found, 16 hexadecimal digits; the ledger never holds the value itself."""
    told = (value_text or "").encode()
    return hashlib.blake2b(told, digest_size=8, key=key[:64], person=b"decided value").hexdigest()


def append_decision(
    path: Path, about: Judged, state: str, reason: str, decided_by: str, until: str | None = None
) -> Decision:
    """Append one decision; it is on the disk when this returns.

    Several processes may append at once: each waits for its turn, up to ``WAIT_SECONDS``.

    Raises:
        ValueError: an unknown state.
        LedgerError: the ledger cannot be written, or was changed by other means.
    """
    if state not in STATES:
        raise ValueError(f"unknown state '{state}'")
    with _opened(path) as ledger, _one_line(path):
        ledger.execute("BEGIN IMMEDIATE")
        last = _checked(path, ledger)[-1:]
        number, before = (last[0].decision_no + 1, last[0].entry_hash) if last else (1, "")
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        said: tuple[Any, ...] = (
            number,
            at,
            about.finding_id,
            state,
            reason,
            decided_by,
            until,
            *astuple(about)[1:],
        )
        made = Decision(*(*said, _entry_hash(said, before)))
        ledger.execute(f"INSERT INTO decision VALUES ({', '.join('?' * len(astuple(made)))})", astuple(made))
        ledger.execute("COMMIT")
        return made


def read_decisions(path: Path) -> list[Decision]:
    """Every decision, in the order in which they were taken; none where there is no ledger yet.

    Raises:
        LedgerError: the ledger is damaged or was changed by other means.
    """
    if not path.is_file():
        return []
    with _opened(path) as ledger, _one_line(path):
        return _checked(path, ledger)


def _checked(path: Path, ledger: sqlite3.Connection) -> list[Decision]:
    """All entries, whose numbers have no gap and whose hashes fit."""
    names = ", ".join(one.name for one in fields(Decision))
    found = [Decision(*row) for row in ledger.execute(f"SELECT {names} FROM decision ORDER BY decision_no")]
    before = ""
    for number, one in enumerate(found, start=1):
        if one.decision_no != number or one.entry_hash != _entry_hash(astuple(one)[:-1], before):
            raise LedgerError(f"{path}: entry {number} was changed or removed; restore it from the backup")
        before = one.entry_hash
    return found


def _entry_hash(said: tuple[Any, ...], before: str) -> str:
    return hashlib.sha256(json.dumps([before, *said], ensure_ascii=False).encode()).hexdigest()


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The ledger, made (0600) if need be."""
    with _one_line(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        with closing(sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)) as ledger:
            ledger.execute("PRAGMA synchronous = EXTRA")
            if not ledger.execute("SELECT 1 FROM sqlite_master WHERE name = 'no_replace'").fetchone():
                ledger.executescript(f"BEGIN IMMEDIATE; {_TABLE} COMMIT;")
            yield ledger


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as problem:
        kind = problem.strerror if isinstance(problem, OSError) else type(problem).__name__
        raise LedgerError(f"{path}: the ledger of decisions cannot be used ({kind})") from None
