"""Deciding: what is refused before it reaches the ledger, and what is written there.

Belongs here: checking a decision against its findings, one or many at a time, and appending it.
Does not belong here: the ledger (``validation/decisions/``), arguments (``cli/decide.py``), forms (``web/``).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import Home
from registry_pipeline.core.toml_source import nearest
from registry_pipeline.pipeline.corrections import UnusableValue, column_of, parse_value
from registry_pipeline.pipeline.decisions import n_released_decisions, read_decision_state
from registry_pipeline.validation.decisions.in_force import contradiction, today
from registry_pipeline.validation.decisions.ledger import (
    OF_PAIRS,
    Decision,
    Draft,
    LedgerError,
    Subject,
    append_decisions,
    value_digest,
)
from schemas.codes import DECISION_STATE, OPEN_STATUSES
from schemas.rules.suggestion import values_in

LONGEST = {"reason": 2000, "right value with remark": 2000, "by": 200, "assigned to": 200, "value": 2000}
UNITS = ("mm", "Gy", "ng/mL")
"""Behind a suggested number; a corrected value is written without."""
_SUBJECT = ("finding_id", "rule_id", "facility_id", "table_name", "record_key", "items")


class DecisionRefused(ValueError):
    """A decision that cannot be taken; one line that says what to write instead."""


@dataclass(frozen=True)
class Order:
    """What somebody wants to decide of one or more findings.

    Attributes:
        state: one of the ledger's states.
        reason: why; of a remark, what is said.
        decided_by: who decides.
        until: last day on which it holds, as 2027-03-31.
        assigned_to, due_date: who looks after the findings, and until when.
        new_value: of a correction.
    """

    state: str
    reason: str
    decided_by: str
    until: str | None = None
    assigned_to: str | None = None
    due_date: str | None = None
    new_value: str | None = None


def decide(home: Home, findings: pl.DataFrame, order: Order) -> list[Decision]:
    """Append a decision on every finding, on all of them or none; it takes effect at the next refresh.

    Args:
        findings: rows of ``quality.finding``.

    Raises:
        DecisionRefused: the decision cannot be; nothing was written.
        StoreError: the ledger cannot be written or was changed by other means.
    """
    if findings.is_empty():
        raise DecisionRefused("there is no finding to decide")
    return decide_each(home, [(finding, order) for finding in findings.iter_rows(named=True)])


def decide_each(home: Home, orders: Sequence[tuple[Mapping[str, Any], Order]]) -> list[Decision]:
    """Append an own decision on each of several findings, all or none; raises as :func:`decide`."""
    checked = {order: _checked(order) for order in dict.fromkeys(order for _, order in orders)}
    drafts = [_draft(home, finding, checked[order]) for finding, order in orders]
    _refuse_contradiction(home, [draft for draft in drafts if draft.state in OF_PAIRS])
    read_decision_state(home)  # a ledger that lacks what a release holds takes no further entry
    try:
        return append_decisions(home.decisions, home.key(), drafts)
    except LedgerError as problem:
        raise StoreError(str(problem)) from None


def closed_findings(findings: pl.DataFrame) -> pl.DataFrame:
    """Those of the findings that are closed already; a decision on them shows only if they come back."""
    return findings.filter(~pl.col("status").is_in(list(OPEN_STATUSES)))


def plain_text(name: str, value: str | None) -> str:
    """A text in one line without control characters and without marks that change the direction of writing.

    Raises:
        DecisionRefused: it is blank or too long.
    """
    printable = (mark for mark in value or "" if mark.isspace() or unicodedata.category(mark)[0] != "C")
    plain = " ".join("".join(printable).split())
    if not plain:
        raise DecisionRefused(f"{name} must not be blank")
    if len(plain) > LONGEST[name]:
        raise DecisionRefused(f"{name} is longer than {LONGEST[name]} characters")
    return plain


def _checked(order: Order) -> Order:
    if order.state not in DECISION_STATE.codes:
        raise DecisionRefused(
            f"there is no state '{order.state}'{nearest(order.state, list(DECISION_STATE.codes))}"
        )
    if order.state == "assigned" and not (order.assigned_to or order.due_date):
        raise DecisionRefused("assigned needs a name or a due date")
    if (order.state == "correction") != (order.new_value is not None):
        raise DecisionRefused("a correction needs a value, and only a correction takes one")
    return Order(
        order.state,
        plain_text("reason", order.reason),
        plain_text("by", order.decided_by),
        _future_day("until", order.until),
        plain_text("assigned to", order.assigned_to) if order.assigned_to else None,
        _future_day("due date", order.due_date),
        order.new_value,
    )


def _future_day(name: str, text: str | None) -> str | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise DecisionRefused(f"{name} is no date; write it as 2027-03-31") from None
    if day < today():
        raise DecisionRefused(f"{name} {day} has passed already")
    return day.isoformat()


def _draft(home: Home, finding: Mapping[str, Any], order: Order) -> Draft:
    finding_id, rule_id, facility_id, table_name, record_key, items = (
        str(finding[name] or "") for name in _SUBJECT
    )
    digest = value_digest(finding["value_text"], home.key())
    subject = Subject(finding_id, rule_id, facility_id, table_name, record_key, items, digest)
    if order.state in OF_PAIRS and (subject.rule_id != "V05" or "|" not in subject.record_key):
        raise DecisionRefused(
            f"{order.state} is for pairs of patients (rule V05), and this is {subject.rule_id}"
        )
    return Draft(
        subject,
        order.state,
        order.reason,
        order.decided_by,
        order.until,
        order.assigned_to,
        order.due_date,
        finding["value_text"] if order.state == "correction" else None,
        _corrected_value(finding, order),
    )


def _corrected_value(finding: Mapping[str, Any], order: Order) -> str | None:
    """The value of a correction, which its column must be able to take."""
    if order.new_value is None:
        return None
    item = str(finding["items"] or "").split(",")[0]
    if finding["source_row"] is None:
        raise DecisionRefused("a correction speaks of a value in a row, and this finding has none")
    try:
        column = column_of(str(finding["table_name"]), item)
        parse_value(str(finding["table_name"]), column, order.new_value)
    except UnusableValue as problem:
        raise DecisionRefused(str(problem)) from None
    return order.new_value.strip()


def correctable_values(finding: Mapping[str, Any]) -> list[str]:
    """The values of a finding's suggestion that a correction could take as they are."""
    item, table = str(finding["items"] or "").split(",")[0], str(finding["table_name"])
    usable = []
    for value in values_in(finding["suggestion"]):
        plain = value.rpartition(" ")[0] if value.rpartition(" ")[2] in UNITS else value
        with suppress(UnusableValue):
            parse_value(table, column_of(table, item), plain)
            usable.append(plain)
    return usable


def _refuse_contradiction(home: Home, drafts: Sequence[Draft]) -> None:
    """Decisions on pairs that contradict those in force, or each other."""
    finding_ids = {draft.subject.finding_id for draft in drafts}
    others = [entry for entry in read_decision_state(home).in_force if entry.finding_id not in finding_ids]
    for draft in drafts:
        left, _, right = draft.subject.record_key.partition("|")
        if (why := contradiction(others, (left, right), draft.state)) is not None:
            raise DecisionRefused(f"{draft.state}: {why}")


def ledger_entries(home: Home) -> list[Decision]:
    """Every entry of the ledger, in order."""
    return list(read_decision_state(home).decisions)


def pending(home: Home) -> list[Decision]:
    """Decisions that the served release does not hold yet: they take effect at the next refresh."""
    return ledger_entries(home)[n_released_decisions(home) :]
