"""The ledger of decisions: what people said of findings, appended and never changed.

Belongs here: ``decisions.sqlite``: its table, the triggers that refuse a change, appending, reading, the
proof that nothing was changed behind its back.
Does not belong here: which decisions are in force and what follows from them (``in_force.py``), who may decide
what (``stewardship/decide.py``). Imports nothing heavy: a refresh with nothing new asks the ledger too.

The ledger is one SQLite file with a rollback journal: a process that is killed half-way leaves a journal
with which the next reader restores the last whole entry. Every entry carries an HMAC, with the home's key, over
itself and the HMAC of the entry before, so that a change by other means than this program is seen (21 CFR
11.10(e)); without the key nobody can write a chain that fits. Where it ends is noted apart (``core/chain_head.py``).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from registry_pipeline.core.chain_head import ChainCut, appending, check_heads, read_heads, write_head
from registry_pipeline.core.files import StoreError
from registry_pipeline.core.sqlite_errors import sqlite_reason
from schemas.codes import DECISION_STATE

OF_PAIRS = ("same_person", "different_persons")
CONVERSATION = ("assigned", "remark")
"""Entries that leave the state of their finding as it is."""
WAIT_SECONDS = 30.0
_COLUMNS = """
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
    assigned_to TEXT,
    due_date TEXT,
    old_value TEXT,
    new_value TEXT,
    entry_hash TEXT NOT NULL
"""
_REFUSED = "BEGIN SELECT RAISE(ABORT, 'the ledger of decisions is append-only'); END"
_STATEMENTS = (
    f"CREATE TABLE decision ({_COLUMNS})",
    f"CREATE TRIGGER no_update BEFORE UPDATE ON decision {_REFUSED}",
    f"CREATE TRIGGER no_delete BEFORE DELETE ON decision {_REFUSED}",
    "CREATE TRIGGER no_replace BEFORE INSERT ON decision "
    f"WHEN EXISTS (SELECT 1 FROM decision WHERE decision_no = NEW.decision_no) {_REFUSED}",
)


class LedgerError(Exception):
    """The ledger cannot be read or written, or was changed by other means; says so in one line."""


@dataclass(frozen=True)
class Decision:
    """One entry of the ledger.

    Attributes:
        decision_no: from 1, without gaps.
        decided_at: when it was appended, UTC, ISO 8601.
        finding_id: the finding that it speaks of.
        state: a code of ``DECISION_STATE``.
        reason, decided_by: as given; of a remark ``reason`` is what was said.
        until: last day (ISO 8601, UTC) on which it holds, or None.
        rule_id, facility_id, table_name, record_key, items: what the finding was about; for a pair of
            patients the record key is both pseudonyms, joined by ``|``.
        value_digest: keyed hash of the value that was judged; the decision holds for no other.
        assigned_to, due_date: who looks after the finding, and until when (ISO 8601).
        old_value, new_value: of a correction, the value as it was and the one that is used instead.
        entry_hash: HMAC of all this and of the entry before.
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
    assigned_to: str | None
    due_date: str | None
    old_value: str | None
    new_value: str | None
    entry_hash: str

    @property
    def pair(self) -> tuple[str, str]:
        """The two patients that a decision on a pair speaks of."""
        left, _, right = self.record_key.partition("|")
        return left, right


_INSERT = f"INSERT INTO decision VALUES ({', '.join('?' * len(fields(Decision)))})"


@dataclass(frozen=True)
class Subject:
    """What a decision is about: the columns of its finding that the ledger keeps."""

    finding_id: str
    rule_id: str
    facility_id: str
    table_name: str
    record_key: str
    items: str
    value_digest: str


@dataclass(frozen=True)
class Draft:
    """A decision that has not been appended yet; attributes as of :class:`Decision`."""

    subject: Subject
    state: str
    reason: str
    decided_by: str
    until: str | None = None
    assigned_to: str | None = None
    due_date: str | None = None
    old_value: str | None = None
    new_value: str | None = None


def value_digest(value_text: str | None, key: bytes) -> str:
    """Keyed hash of what was found, 16 hexadecimal digits; the ledger keeps it in place of the value."""
    text = (value_text or "").encode()
    return hashlib.blake2b(text, digest_size=8, key=key[:64], person=b"decided value").hexdigest()


def append_decisions(path: Path, key: bytes, drafts: Sequence[Draft]) -> list[Decision]:
    """Append decisions, all or none; they are on the disk when this returns.

    Several processes may append at once: each waits for its turn, up to ``WAIT_SECONDS``.

    Args:
        path: the ledger, made if need be.
        key: of the home, for the chain.
        drafts: in the order in which they shall stand.

    Raises:
        ValueError: an unknown state.
        LedgerError: the ledger cannot be written, or was changed by other means.
    """
    if unknown := {draft.state for draft in drafts} - set(DECISION_STATE.codes):
        raise ValueError(f"unknown state '{min(unknown)}'")
    with _errors_in_one_line(path), appending(path), _opened(path, key) as ledger:
        heads = read_heads(path, key)
        ledger.execute("BEGIN IMMEDIATE")
        decisions = _verified(path, ledger, key, heads)
        before = decisions[-1].entry_hash if decisions else ""
        appended: list[Decision] = []
        for number, draft in enumerate(drafts, start=len(decisions) + 1):
            appended.append(_entry(number, draft, before, key))
            before = appended[-1].entry_hash
        ledger.executemany(_INSERT, [astuple(entry) for entry in appended])
        ledger.execute("COMMIT")
        if appended:
            write_head(path, appended[-1].decision_no, before, key)
        return appended


def _entry(number: int, draft: Draft, before: str, key: bytes) -> Decision:
    at = datetime.now(UTC).isoformat(timespec="microseconds")
    finding_id, *about = astuple(draft.subject)
    values: tuple[Any, ...] = (
        *(number, at, finding_id, draft.state, draft.reason, draft.decided_by, draft.until),
        *about,
        *(draft.assigned_to, draft.due_date, draft.old_value, draft.new_value),
    )
    return Decision(*(*values, entry_hash(values, before, key)))


def read_decisions(path: Path, key: bytes) -> list[Decision]:
    """Every decision, in the order in which they were taken; none where there is no ledger yet.

    Raises:
        LedgerError: the ledger is damaged or was changed by other means.
    """
    with _errors_in_one_line(path):
        heads = read_heads(path, key)
        if not path.is_file():
            check_heads(path, heads, [])
            return []
        to_read = f"{path.absolute().as_uri()}?mode=ro"  # of a home on a disk that takes no writing
        is_ours = os.access(path, os.W_OK)
        with _opened(path, key) if is_ours else closing(sqlite3.connect(to_read, uri=True)) as ledger:
            return _verified(path, ledger, key, heads)


def _verified(
    path: Path, ledger: sqlite3.Connection, key: bytes, heads: Sequence[tuple[int, str]]
) -> list[Decision]:
    """All entries, whose numbers have no gap and whose hashes fit, down to where they ended."""
    names = ", ".join(field.name for field in fields(Decision))
    entries = [Decision(*row) for row in ledger.execute(f"SELECT {names} FROM decision ORDER BY decision_no")]
    before = ""
    for number, entry in enumerate(entries, start=1):
        expected = entry_hash(astuple(entry)[:-1], before, key)
        if entry.decision_no != number or not hmac.compare_digest(entry.entry_hash, expected):
            raise LedgerError(f"{path}: entry {number} was changed or removed; restore it from the backup")
        before = entry.entry_hash
    check_heads(path, heads, [entry.entry_hash for entry in entries])
    return entries


def entry_hash(values: tuple[Any, ...], before: str, key: bytes) -> str:
    """HMAC-SHA-256 of an entry and the hash of the entry before it, in hexadecimal digits."""
    return hmac.new(key, json.dumps([before, *values], ensure_ascii=False).encode(), "sha256").hexdigest()


@contextmanager
def _opened(path: Path, key: bytes) -> Iterator[sqlite3.Connection]:
    """The ledger, made (0600) if need be."""
    with _errors_in_one_line(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        with closing(sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)) as ledger:
            ledger.execute("PRAGMA synchronous = EXTRA")
            names = {row[1] for row in ledger.execute("PRAGMA table_info(decision)")}
            if "new_value" not in names:
                _prepare(path, ledger, key)
            yield ledger


def _prepare(path: Path, ledger: sqlite3.Connection, key: bytes) -> None:
    """Make the table in a new file; give one of the first version, whose hashes had no key, today's columns and hashes."""
    ledger.execute("BEGIN IMMEDIATE")
    names = {row[1] for row in ledger.execute("PRAGMA table_info(decision)")}
    if "new_value" not in names:  # another process may have been first
        entries = _first_version(path, ledger, key) if names else []
        ledger.execute("DROP TABLE IF EXISTS decision")
        for statement in _STATEMENTS:
            ledger.execute(statement)
        ledger.executemany(_INSERT, entries)
    ledger.execute("COMMIT")


def _first_version(path: Path, ledger: sqlite3.Connection, key: bytes) -> list[tuple[Any, ...]]:
    before, chained = "", ""
    entries: list[tuple[Any, ...]] = []
    rows = ledger.execute("SELECT * FROM decision ORDER BY decision_no").fetchall()
    for number, (*values, noted) in enumerate(rows, start=1):
        plain = hashlib.sha256(json.dumps([before, *values], ensure_ascii=False).encode()).hexdigest()
        if plain != noted or values[0] != number:
            raise LedgerError(f"{path}: entry {number} was changed or removed; restore it from the backup")
        extended = (*values, None, None, None, None)
        before, chained = noted, entry_hash(extended, chained, key)
        entries.append((*extended, chained))
    return entries


@contextmanager
def _errors_in_one_line(path: Path) -> Iterator[None]:
    try:
        yield
    except (ChainCut, StoreError) as problem:
        raise LedgerError(str(problem)) from None
    except (sqlite3.Error, OSError) as problem:
        why = sqlite_reason(problem) if isinstance(problem, sqlite3.Error) else problem.strerror
        raise LedgerError(f"{path}: the ledger of decisions cannot be used ({why})") from None
