"""Any sequence of refreshes, decisions and days leaves every finding in exactly the state that its history means."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_pipeline.validation.decisions.in_force import in_force, states_of
from registry_pipeline.validation.decisions.ledger import Decision, value_digest
from registry_pipeline.validation.registry_wide.finding_history import Vanished, merge_lifecycle
from registry_pipeline.validation.screening.findings import FINDING
from schemas.codes import FINDING_STATUS, OPEN_STATUSES

KEY = b"k" * 32
IDS = ("a", "b", "c")
FIRST_DAY = date(2026, 3, 1)
RIGHT, NOT_SENT = "right", "not sent"
"""A value that breaks no rule, and a record that is no longer sent."""


@dataclass(frozen=True)
class Decide:
    """Somebody decides of a finding, for some days or for good."""

    finding: str
    state: str
    n_days: int | None


@dataclass(frozen=True)
class Wait:
    """Days pass."""

    n_days: int


@dataclass(frozen=True)
class Refresh:
    """What the source sends for each finding's record."""

    values: dict[str, str]


@dataclass
class Registry:
    """The findings of the last release, the ledger and the clock."""

    day: date = FIRST_DAY
    ledger: list[Decision] = field(default_factory=list)
    findings: pl.DataFrame | None = None
    last_value: dict[str, str] = field(default_factory=dict)
    n_releases: int = 0

    def status(self) -> dict[str, str]:
        """Finding -> state."""
        rows = () if self.findings is None else self.findings.select("finding_id", "status").iter_rows()
        return dict(rows)

    def decide(self, action: Decide) -> None:
        """Append to the ledger; only what has been seen can be decided."""
        if action.finding not in self.last_value:
            return
        until = None if action.n_days is None else (self.day + timedelta(action.n_days)).isoformat()
        digest = value_digest(self.last_value[action.finding], KEY)
        new_value = "better" if action.state == "correction" else None
        self.ledger.append(
            Decision(len(self.ledger) + 1, "2026-03-01T00:00:00+00:00", action.finding, action.state, "r", "n", until,
                     "M01", "west", "measurement", action.finding, "long_axis_mm", digest, None, None, None, new_value, "")
        )  # fmt: skip

    def refresh(self, values: dict[str, str]) -> frozenset[str]:
        """One release of what was sent; the findings that a correction took away."""
        raised = {name: value for name, value in values.items() if value not in (RIGHT, NOT_SENT)}
        corrections = {
            entry.finding_id: entry.value_digest
            for entry in in_force(self.ledger, self.day)
            if entry.state == "correction"
        }
        applied = frozenset(
            name for name, value in raised.items() if corrections.get(name) == value_digest(value, KEY)
        )
        rows = [
            {"finding_id": name, "rule_id": "M01", "severity": "error", "status": "open", "value_text": value}
            for name, value in raised.items()
            if name not in applied
        ]
        shown = pl.DataFrame(rows, schema=FINDING)
        before = self.status()
        gone = frozenset(
            name
            for name, value in values.items()
            if value == NOT_SENT and before.get(name, "corrected") != "corrected"
        )
        states = states_of(self.ledger, shown, KEY, self.day)
        self.n_releases += 1
        self.findings = merge_lifecycle(
            shown, self.findings, f"r{self.n_releases:03}", states, Vanished(gone, applied)
        )
        self.last_value |= raised
        return applied


def _expected(registry: Registry, before: dict[str, str], finding: str, value: str) -> str | None:
    """The state of a finding by its history alone, from what a reader of the documentation would say."""
    if value in (RIGHT, NOT_SENT):
        was = before.get(finding)
        if was is None:
            return None
        return "gone" if value == NOT_SENT and was != "corrected" else "corrected"
    decided: list[Decision] = []
    for entry in registry.ledger:
        if entry.finding_id == finding and entry.state == "withdrawn":
            decided = decided[:-1]
        elif entry.finding_id == finding and entry.state != "remark":
            decided.append(entry)
    if not decided:
        was_closed = before.get(finding) in ("corrected", "corrected_here", "gone", "reopened")
        return "reopened" if was_closed else "open"
    last = decided[-1]
    has_run_out = last.until is not None and date.fromisoformat(last.until) < registry.day
    if has_run_out or last.value_digest != value_digest(value, KEY):
        return "reopened"
    return "corrected_here" if last.state == "correction" else last.state


STATES = ("confirmed", "waived", "correction", "sent", "answered", "reopened", "withdrawn", "remark")
ACTIONS = st.one_of(
    st.builds(Decide, st.sampled_from(IDS), st.sampled_from(STATES), st.none() | st.integers(0, 3)),
    st.builds(Wait, st.integers(1, 2)),
    st.builds(
        Refresh, st.fixed_dictionaries({name: st.sampled_from(["v", "w", RIGHT, NOT_SENT]) for name in IDS})
    ),
)


@settings(max_examples=150)
@given(st.lists(ACTIONS, min_size=1, max_size=20))
def test_any_sequence_of_refreshes_decisions_and_days(actions: list[Decide | Wait | Refresh]) -> None:
    registry = Registry()
    for action in actions:
        if isinstance(action, Decide):
            registry.decide(action)
        elif isinstance(action, Wait):
            registry.day += timedelta(action.n_days)
        else:
            before = registry.status()
            expected = {
                name: _expected(registry, before, name, value) for name, value in action.values.items()
            }
            registry.refresh(action.values)
            findings = registry.findings
            assert findings is not None and findings["finding_id"].is_unique().all()
            assert registry.status() == {name: state for name, state in expected.items() if state is not None}
            assert set(findings["status"]) <= set(FINDING_STATUS.codes)
            is_open = findings["status"].is_in(list(OPEN_STATUSES))
            assert (findings["closed_release"].is_null() == is_open).all()
