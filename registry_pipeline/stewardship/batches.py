"""Decisions that were taken together, and taking all of them back at once.

Belongs here: which entries of the ledger are one order on many findings, its withdrawal.
Does not belong here: taking decisions (``decide.py``), the ledger (``validation/decisions/``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from registry_pipeline.core.home import Home
from registry_pipeline.pipeline.decisions import read_decision_state
from registry_pipeline.stewardship.decide import DecisionRefused, Order, decide, pending
from registry_pipeline.stewardship.findings import Snapshot
from registry_pipeline.validation.decisions.ledger import Decision

_LONGEST_GAP = timedelta(milliseconds=50)
"""Between the entries of one order, which are appended in one go."""


@dataclass(frozen=True)
class Batch:
    """One order: the same decision on one or more findings.

    Attributes:
        decisions: its entries, in order.
        n_in_force: how many of them are the last word on their finding.
    """

    decisions: tuple[Decision, ...]
    n_in_force: int

    @property
    def first(self) -> Decision:
        """What all of them say."""
        return self.decisions[0]

    @property
    def last_no(self) -> int:
        """Number of the last entry."""
        return self.decisions[-1].decision_no


def pending_batches(home: Home) -> list[Batch]:
    """What waits for the next refresh, order by order, the latest first."""
    numbers = {entry.decision_no for entry in read_decision_state(home).in_force}
    groups: list[list[Decision]] = []
    for entry in pending(home):
        if groups and _is_same_order(groups[-1][-1], entry):
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return [
        Batch(tuple(group), sum(entry.decision_no in numbers for entry in group))
        for group in reversed(groups)
    ]


def _is_same_order(before: Decision, entry: Decision) -> bool:
    gap = datetime.fromisoformat(entry.decided_at) - datetime.fromisoformat(before.decided_at)
    return _order_of(before) == _order_of(entry) and gap < _LONGEST_GAP


def _order_of(entry: Decision) -> tuple[str | None, ...]:
    values = (entry.state, entry.reason, entry.decided_by, entry.until)
    return (*values, entry.assigned_to, entry.due_date, entry.new_value)


def take_back(home: Home, snapshot: Snapshot, numbers: Sequence[int], decided_by: str) -> list[Decision]:
    """Withdraw those of some decisions that are still the last word on their finding; the others stay.

    Args:
        numbers: of entries of the ledger.

    Raises:
        DecisionRefused: none of them is in force any more; nothing was written.
        StoreError: as :func:`.decide.decide`.
    """
    in_force = [entry for entry in read_decision_state(home).in_force if entry.decision_no in set(numbers)]
    ids = [entry.finding_id for entry in in_force]
    findings = snapshot.findings.filter(pl.col("finding_id").is_in(ids))
    if findings.is_empty():
        raise DecisionRefused("none of these decisions is in force any more; there is nothing to take back")
    return decide(home, findings, Order("withdrawn", "taken back", decided_by))
