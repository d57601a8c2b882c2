"""Which decisions are in force, and what follows from them.

Belongs here: the last word on every finding, whose patients are merged, which findings are waived, the
rows of ``quality.decision``.
Does not belong here: the ledger itself (``ledger.py``), merging records (``registry_wide/persons.py``), the life
of findings (``registry_wide/finding_history.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from registry_pipeline.core.union_find import UnionFind
from registry_pipeline.validation.decisions.ledger import CONVERSATION, OF_PAIRS, Decision, value_digest

if TYPE_CHECKING:
    import polars as pl


def today() -> date:
    """The day that ``until`` is compared with (UTC)."""
    return datetime.now(UTC).date()


def last_decisions(decisions: Iterable[Decision]) -> list[Decision]:
    """The last word on every finding, run out or not, in order of number.

    ``withdrawn`` takes the decision before it back, as if it had not been taken, so that the one before that counts
    again; remarks and assignments leave a finding's state as it is.
    """
    stacks: dict[str, list[Decision]] = {}
    for decision in decisions:
        stack = stacks.setdefault(decision.finding_id, [])
        if decision.state == "withdrawn":
            stack[-1:] = []
        elif decision.state not in CONVERSATION:
            stack.append(decision)
    return sorted(
        (stack[-1] for stack in stacks.values() if stack), key=lambda decision: decision.decision_no
    )


def has_run_out(decision: Decision, day: date) -> bool:
    """Whether the last day of a decision has passed."""
    return decision.until is not None and date.fromisoformat(decision.until) < day


def in_force(decisions: Iterable[Decision], day: date) -> list[Decision]:
    """The last decision on every finding, unless it was withdrawn or has run out, in order of number.

    A decision that has run out does not bring an earlier one back: the finding waits again.
    """
    return [decision for decision in last_decisions(decisions) if not has_run_out(decision, day)]


def merged_patients(decisions: Iterable[Decision]) -> list[list[str]]:
    """Pseudonyms that are one person by decision: groups, each sorted; the first of a group survives.

    Chains are followed (A = B, B = C). A decision that would join two patients whom another decision in
    force keeps apart is not followed; the command refuses it, but two people may decide at once.
    """
    on_pairs = [decision for decision in decisions if decision.state in OF_PAIRS]
    apart = [decision.pair for decision in on_pairs if decision.state == "different_persons"]
    joined: list[tuple[str, str]] = []
    for decision in on_pairs:
        if decision.state != "same_person":
            continue
        tried = UnionFind([*joined, decision.pair])
        if all(tried.root(left) != tried.root(right) for left, right in apart):
            joined.append(decision.pair)
    return sorted(sorted(group) for group in UnionFind(joined).groups())


def survivors(groups: Iterable[Sequence[str]], patients: Iterable[str] | None = None) -> dict[str, str]:
    """Pseudonym -> the one that takes its place.

    Args:
        groups: of :func:`merged_patients`.
        patients: look at these patients only (those of one facility): the first known one of a group
            survives among them.
    """
    present = None if patients is None else set(patients)
    surviving: dict[str, str] = {}
    for group in groups:
        members = [member for member in group if present is None or member in present]
        if members:
            surviving.update(dict.fromkeys(members[1:], members[0]))
    return surviving


def waived_findings(standing: Iterable[Decision]) -> dict[str, str]:
    """Waived finding -> the digest of the value that was waived."""
    return {decision.finding_id: decision.value_digest for decision in standing if decision.state == "waived"}


def states_of(decisions: Iterable[Decision], findings: pl.DataFrame, key: bytes, day: date) -> pl.DataFrame:
    """``finding_id, state`` for the life of findings: what the last decision on each makes of it.

    A decision was taken on a value; where another value stands now, or its last day has passed, the finding is
    ``reopened``.

    Args:
        decisions: the ledger.
        findings: ``finding_id, value_text`` of this refresh.
        key: of the home, for the digests.
        day: today (UTC).
    """
    import polars as pl

    last = last_decisions(decisions)
    ids = pl.Series("finding_id", [decision.finding_id for decision in last], dtype=pl.String)
    values = findings.select("finding_id", "value_text").join(ids.to_frame(), on="finding_id", how="semi")
    digests = {finding: value_digest(value, key) for finding, value in values.iter_rows()}
    rows = [
        (
            decision.finding_id,
            decision.state
            if digests.get(decision.finding_id, decision.value_digest) == decision.value_digest
            and not has_run_out(decision, day)
            else "reopened",
        )
        for decision in last
    ]
    return pl.DataFrame(rows, schema={"finding_id": pl.String, "state": pl.String}, orient="row")


def assignments(decisions: Iterable[Decision]) -> dict[str, tuple[str | None, str | None]]:
    """Finding -> who looks after it and until when: the last of each that was said."""
    assigned: dict[str, tuple[str | None, str | None]] = {}
    for decision in decisions:
        if decision.assigned_to is None and decision.due_date is None:
            continue
        assigned_to, due_date = assigned.get(decision.finding_id, (None, None))
        assigned[decision.finding_id] = (decision.assigned_to or assigned_to, decision.due_date or due_date)
    return assigned


def decision_rows(decisions: Sequence[Decision], standing: Iterable[Decision]) -> list[dict[str, object]]:
    """Rows of ``quality.decision``: every entry of the ledger and whether it is in force."""
    numbers = {decision.decision_no for decision in standing}
    left_out = ("value_digest", "until")
    return [
        {
            **{name: value for name, value in asdict(decision).items() if name not in left_out},
            "decided_at": datetime.fromisoformat(decision.decided_at).astimezone(UTC).replace(tzinfo=None),
            "until_date": _date(decision.until),
            "due_date": _date(decision.due_date),
            "is_in_force": decision.decision_no in numbers,
        }
        for decision in decisions
    ]


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def contradiction(decisions: Iterable[Decision], pair: tuple[str, str], state: str) -> str | None:
    """Why a decision on a pair cannot stand beside those in force, in words, or None.

    Args:
        decisions: in force, without an earlier one on the same finding.
        pair: the two pseudonyms.
        state: ``same_person`` or ``different_persons``.
    """
    standing = list(decisions)
    same = [decision.pair for decision in standing if decision.state == "same_person"]
    if state == "different_persons":
        groups = UnionFind(same)
        is_joined = groups.root(pair[0]) == groups.root(pair[1])
        return "other decisions make them one person; withdraw one of those first" if is_joined else None
    groups = UnionFind([*same, pair])
    apart = [decision.pair for decision in standing if decision.state == "different_persons"]
    if any(groups.root(left) == groups.root(right) for left, right in apart):
        return (
            "another decision keeps two of the patients apart whom this would join; withdraw that one first"
        )
    return None


def digest_parts(decisions: Sequence[Decision], standing: Sequence[Decision]) -> list[object]:
    """What a release depends on: how long the ledger is, and which entries are in force today."""
    return [len(decisions), [decision.decision_no for decision in standing]]
