"""What was said and decided of one finding.

Belongs here: its entries of the ledger, and which of them count. Does not belong here: the ledger itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from registry_pipeline.core.home import Home
from registry_pipeline.pipeline.decisions import n_released_decisions, read_decision_state
from registry_pipeline.validation.decisions.ledger import Decision


@dataclass(frozen=True)
class LedgerEntry:
    """One entry of the ledger.

    Attributes:
        decision: the entry.
        is_in_force: whether it is the last word on the finding.
        is_pending: whether it waits for the next refresh.
    """

    decision: Decision
    is_in_force: bool
    is_pending: bool


def conversation(home: Home, finding_id: str) -> list[LedgerEntry]:
    """Remarks, assignments and decisions on a finding, in order."""
    ledger, n_released = read_decision_state(home), n_released_decisions(home)
    numbers = {entry.decision_no for entry in ledger.in_force}
    return [
        LedgerEntry(entry, entry.decision_no in numbers, entry.decision_no > n_released)
        for entry in ledger.decisions
        if entry.finding_id == finding_id
    ]
