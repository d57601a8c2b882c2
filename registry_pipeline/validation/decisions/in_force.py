"""Which decisions are in force, and what follows from them.

Belongs here: the last word on every finding, whose patients are merged, which findings are waived, the
rows of ``quality.decision``.
Does not belong here: the ledger itself (``decisions.py``), merging records (``persons.py``), the life of
findings (``lifecycle.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from registry_pipeline.core.union_find import UnionFind
from registry_pipeline.validation.decisions.ledger import OF_PAIRS, Decision, value_digest

if TYPE_CHECKING:
    import polars as pl


def today() -> date:
    """The day that ``until`` is compared with (UTC)."""
    return datetime.now(UTC).date()


def in_force(decisions: Iterable[Decision], day: date) -> list[Decision]:
    """The last decision on every finding, unless it was withdrawn or has run out, in order of number.

    A decision that has run out does not bring an earlier one back: the finding waits again.
    """
    last = {one.finding_id: one for one in decisions}
    standing = [
        one
        for one in last.values()
        if one.state != "withdrawn" and (one.until is None or date.fromisoformat(one.until) >= day)
    ]
    return sorted(standing, key=lambda one: one.decision_no)


def merged_patients(standing: Iterable[Decision]) -> list[list[str]]:
    """Pseudonyms that are one person by decision: groups, each sorted; the first of a group survives.

    Chains are followed (A = B, B = C). A decision that would join two patients whom another decision in
    force keeps apart is not followed; the command refuses it, but two people may decide at once.
    """
    taken = [one for one in standing if one.state in OF_PAIRS]
    apart = [one.pair for one in taken if one.state == "different_persons"]
    joined: list[tuple[str, str]] = []
    for one in taken:
        if one.state != "same_person":
            continue
        tried = UnionFind([*joined, one.pair])
        if all(tried.root(left) != tried.root(right) for left, right in apart):
            joined.append(one.pair)
    return sorted(sorted(group) for group in UnionFind(joined).groups())


def survivors(groups: Iterable[Sequence[str]], known: Iterable[str] | None = None) -> dict[str, str]:
    """Pseudonym -> the one that takes its place.

    Args:
        groups: of :func:`merged_patients`.
        known: look at these patients only (those of one facility): the first known one of a group
            survives among them.
    """
    wanted = None if known is None else set(known)
    found: dict[str, str] = {}
    for group in groups:
        members = [one for one in group if wanted is None or one in wanted]
        if members:
            found.update(dict.fromkeys(members[1:], members[0]))
    return found


def waived_findings(standing: Iterable[Decision]) -> dict[str, str]:
    """Waived finding -> the digest of the value that was waived."""
    return {one.finding_id: one.value_digest for one in standing if one.state == "waived"}


def states_of(standing: Iterable[Decision], findings: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """``finding_id, state`` for the life of findings.

    A decision was taken on a value; where another one stands there now, the finding is ``reopened``.

    Args:
        findings: ``finding_id, value_text`` of this refresh.
        key: of the home, for the digests.
    """
    import polars as pl

    wanted = list(standing)
    ids = pl.Series("finding_id", [one.finding_id for one in wanted], dtype=pl.String)
    values = findings.select("finding_id", "value_text").join(ids.to_frame(), on="finding_id", how="semi")
    now = {finding: value_digest(value, key) for finding, value in values.iter_rows()}
    rows = [
        (
            one.finding_id,
            one.state if now.get(one.finding_id, one.value_digest) == one.value_digest else "reopened",
        )
        for one in wanted
    ]
    return pl.DataFrame(rows, schema={"finding_id": pl.String, "state": pl.String}, orient="row")


def decision_rows(decisions: Sequence[Decision], standing: Iterable[Decision]) -> list[dict[str, object]]:
    """Rows of ``quality.decision``: every entry of the ledger and whether it is in force."""
    numbers = {one.decision_no for one in standing}
    return [
        {
            **{name: value for name, value in asdict(one).items() if name not in ("value_digest", "until")},
            "decided_at": datetime.fromisoformat(one.decided_at).astimezone(UTC).replace(tzinfo=None),
            "until_date": None if one.until is None else date.fromisoformat(one.until),
            "is_in_force": one.decision_no in numbers,
        }
        for one in decisions
    ]


def contradiction(decisions: Iterable[Decision], pair: tuple[str, str], state: str) -> str | None:
    """Why a decision on a pair cannot stand beside those in force, in words, or None.

    Args:
        decisions: in force, without an earlier one on the same finding.
        pair: the two pseudonyms.
        state: ``same_person`` or ``different_persons``.
    """
    standing = list(decisions)
    same = [one.pair for one in standing if one.state == "same_person"]
    if state == "different_persons":
        groups = UnionFind(same)
        is_one = groups.root(pair[0]) == groups.root(pair[1])
        return "other decisions make them one person; withdraw one of those first" if is_one else None
    groups = UnionFind([*same, pair])
    apart = [one.pair for one in standing if one.state == "different_persons"]
    if any(groups.root(left) == groups.root(right) for left, right in apart):
        return (
            "another decision keeps two of the patients apart whom this would join; withdraw that one first"
        )
    return None


def digest_parts(decisions: Sequence[Decision], standing: Sequence[Decision]) -> list[object]:
    """What a release depends on: how long the ledger is, and which entries are in force today."""
    return [len(decisions), [one.decision_no for one in standing]]
