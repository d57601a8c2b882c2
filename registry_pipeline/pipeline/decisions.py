"""What people decided, as the steps need it.

Belongs here: reading the ledger of a home.
Does not belong here: the ledger and what follows from it (``validation/decisions/``), the command
(``cli/decide.py``),
what merges make of patients (``merges.py``). Imports nothing heavy: a refresh with nothing new asks it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache

from registry_pipeline.core.chain_head import ChainCut, appending, read_heads, write_head
from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import Home
from registry_pipeline.store.releases import current_release, open_release
from registry_pipeline.validation.decisions.in_force import (
    digest_parts,
    in_force,
    today,
    waived_findings,
)
from registry_pipeline.validation.decisions.ledger import (
    Decision,
    LedgerError,
    read_decisions,
)


@dataclass(frozen=True)
class DecisionState:
    """The ledger of a home on a day.

    Attributes:
        decisions: every entry.
        in_force: those that hold on that day.
        day: the day.
    """

    decisions: Sequence[Decision]
    in_force: Sequence[Decision]
    day: date = field(default_factory=today)

    def digest_parts(self) -> list[object]:
        """What a release depends on."""
        return digest_parts(self.decisions, self.in_force)

    def waived_at(self, facility_id: str) -> dict[str, str]:
        """Waived findings of a facility -> digest of the value that was waived."""
        return waived_findings(decision for decision in self.in_force if decision.facility_id == facility_id)

    def corrections_at(self, facility_id: str) -> list[Decision]:
        """Corrections in force at a facility, in order."""
        return [
            decision
            for decision in self.in_force
            if decision.facility_id == facility_id and decision.state == "correction"
        ]


def renew_ledger_head(home: Home) -> None:
    """Note where the ledger ends, where whoever appended to it was killed before that.

    Raises:
        StoreError: the ledger is damaged or was changed by other means.
    """
    path, key = home.decisions, home.key()
    try:
        with appending(path):
            entries = read_decisions(path, key)
            if entries and (len(entries), entries[-1].entry_hash) not in read_heads(path, key):
                write_head(path, len(entries), entries[-1].entry_hash, key)
    except (LedgerError, ChainCut) as problem:
        raise StoreError(str(problem)) from None


def read_decision_state(home: Home) -> DecisionState:
    """The decisions of a home, and those in force today.

    Raises:
        StoreError: the ledger is damaged, was changed by other means, or lacks decisions that a release holds.
    """
    try:
        decisions = read_decisions(home.decisions, home.key())
    except LedgerError as problem:
        raise StoreError(str(problem)) from None
    _refuse_shortened(home, decisions)
    return DecisionState(decisions, in_force(decisions, today()))


def _refuse_shortened(home: Home, decisions: Sequence[Decision]) -> None:
    """The decisions of the served release are the first of the ledger, for entries are only ever appended."""
    release_id = current_release(home)
    if release_id is None:
        return
    ledger = [(entry.decision_no, entry.finding_id, entry.state, entry.reason) for entry in decisions]
    for number, released in enumerate(_released_decisions(home, release_id), start=1):
        if len(ledger) < number or ledger[number - 1] != released:
            raise StoreError(
                f"{home.decisions}: decision {number}, which release {release_id} holds, is missing or another one; "
                "restore the ledger from the backup"
            )


def n_released_decisions(home: Home) -> int:
    """How many entries of the ledger the served release holds."""
    release_id = current_release(home)
    return 0 if release_id is None else len(_released_decisions(home, release_id))


@cache
def _released_decisions(home: Home, release_id: str) -> tuple[tuple[int, str, str, str], ...]:
    """Number, finding, state and reason of every decision of a release; none of one that cannot be read."""
    import duckdb

    query = "SELECT decision_no, finding_id, state, reason FROM quality.decision ORDER BY decision_no"
    try:
        with open_release(home, release_id) as connection:
            return tuple(connection.execute(query).fetchall())
    except (StoreError, duckdb.Error):
        return ()  # the release's own proofs say what is wrong with it
