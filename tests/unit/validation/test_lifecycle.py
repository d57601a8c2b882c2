"""The life of findings across releases."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from registry_pipeline.validation.registry_wide.finding_history import Vanished, merge_lifecycle
from registry_pipeline.validation.screening.findings import FINDING
from schemas.codes import FINDING_STATUS, OPEN_STATUSES


def _findings(*ids: str, rule: str = "M01") -> pl.DataFrame:
    rows = [{"finding_id": one, "rule_id": rule, "severity": "error", "status": "open"} for one in ids]
    return pl.DataFrame(rows, schema=FINDING)


def _states(**states: str) -> pl.DataFrame:
    return pl.DataFrame({"finding_id": list(states), "state": list(states.values())})


def _life(frame: pl.DataFrame) -> dict[str, tuple[str, str, str]]:
    told = frame.select("finding_id", "status", "first_seen_release", "last_seen_release")
    return {row[0]: (row[1], row[2], row[3]) for row in told.iter_rows()}


def _status(frame: pl.DataFrame) -> dict[str, str]:
    return {key: life[0] for key, life in _life(frame).items()}


def test_open_corrected_reopened() -> None:
    first = merge_lifecycle(_findings("a", "b"), None, "r1")
    assert _life(first) == {"a": ("open", "r1", "r1"), "b": ("open", "r1", "r1")}
    second = merge_lifecycle(_findings("a"), first, "r2")
    assert _life(second) == {"a": ("open", "r1", "r2"), "b": ("corrected", "r1", "r1")}
    third = merge_lifecycle(_findings("a", "b", "c"), second, "r3")
    assert _life(third)["b"] == ("reopened", "r1", "r3")
    assert _life(third)["c"] == ("open", "r3", "r3")
    fourth = merge_lifecycle(_findings("b"), third, "r4")
    assert _life(fourth) == {
        "b": ("reopened", "r1", "r4"),
        "a": ("corrected", "r1", "r3"),
        "c": ("corrected", "r3", "r3"),
    }
    closed = dict(fourth.select("finding_id", "closed_release").iter_rows())
    assert closed == {"a": "r4", "b": None, "c": "r4"}
    fifth = merge_lifecycle(_findings(), fourth, "r5")
    assert _life(fifth)["a"] == ("corrected", "r1", "r3")
    assert dict(fifth.select("finding_id", "closed_release").iter_rows()) == {"a": "r4", "b": "r5", "c": "r4"}


def test_the_last_decision_decides_the_status() -> None:
    merged = merge_lifecycle(_findings("a", "b", "c"), None, "r1", _states(a="confirmed", b="waived"))
    assert _status(merged) == {"a": "confirmed", "b": "waived", "c": "open"}
    withdrawn = merge_lifecycle(_findings("a", "b", "c"), merged, "r2")
    assert set(_status(withdrawn).values()) == {"open"}


def test_a_record_that_is_no_longer_sent_is_not_corrected() -> None:
    first = merge_lifecycle(_findings("a", "b"), None, "r1", _states(a="waived"))
    second = merge_lifecycle(_findings(), first, "r2", _states(a="waived"), Vanished(gone=frozenset("a")))
    assert _status(second) == {"a": "gone", "b": "corrected"}
    assert _status(merge_lifecycle(_findings("a"), second, "r3"))["a"] == "reopened"


def test_a_comparison_with_an_earlier_release_waits_for_somebody_or_for_its_value() -> None:
    compared = Vanished(comparing_rules=frozenset({"G03"}))
    first = merge_lifecycle(_findings("a", "b", rule="G03"), None, "r1")
    second = merge_lifecycle(_findings(), first, "r2", None, compared)
    assert _life(second) == {"a": ("open", "r1", "r2"), "b": ("open", "r1", "r2")}
    restored = Vanished(comparing_rules=frozenset({"G03"}), restored=frozenset("b"))
    third = merge_lifecycle(_findings(), second, "r3", _states(a="confirmed"), restored)
    assert _status(third) == {"a": "confirmed", "b": "corrected"}
    fourth = merge_lifecycle(_findings(), third, "r4", _states(a="reopened"), compared)
    assert _status(fourth) == {"a": "reopened", "b": "corrected"}


def test_a_correction_holds_until_the_source_agrees_and_helps_or_is_asked_again() -> None:
    first = merge_lifecycle(_findings("a", "b"), None, "r1")
    decided, applied = _states(a="correction", b="correction"), Vanished(corrected_here=frozenset("ab"))
    pending = merge_lifecycle(_findings("a", "b"), first, "r1", decided)
    assert _status(pending) == {"a": "corrected_here", "b": "corrected_here"}
    second = merge_lifecycle(_findings("b"), first, "r2", decided, applied)
    assert _status(second) == {"a": "corrected_here", "b": "reopened"}
    unusable = merge_lifecycle(_findings("a"), first, "r2", decided, Vanished(unusable=frozenset("a")))
    assert _status(unusable) == {"a": "reopened", "b": "corrected"}
    agreed = merge_lifecycle(_findings(), second, "r3", decided)
    assert _status(agreed) == {"a": "corrected", "b": "corrected"}


def test_findings_of_the_first_version_are_read() -> None:
    before = merge_lifecycle(_findings("a"), None, "r1").with_columns(status=pl.lit("closed"))
    assert _status(merge_lifecycle(_findings("a"), before.drop("closed_release"), "r2")) == {"a": "reopened"}


IDS = ("a", "b", "c", "d")
DECISIONS = st.dictionaries(
    st.sampled_from(IDS),
    st.sampled_from(["sent", "answered", "confirmed", "waived", "correction", "same_person", "reopened"]),
)


@dataclass(frozen=True)
class Refresh:
    """What one refresh brings."""

    shown: frozenset[str]
    states: dict[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    applied: frozenset[str] = frozenset()
    restored: frozenset[str] = frozenset()


SUBSETS = st.frozensets(st.sampled_from(IDS))
REFRESHES = st.lists(
    st.builds(Refresh, SUBSETS, DECISIONS, SUBSETS, SUBSETS, SUBSETS), min_size=1, max_size=7
)


@given(REFRESHES)
def test_any_sequence_leaves_every_finding_in_exactly_one_state(refreshes: list[Refresh]) -> None:
    before, seen = None, set[str]()
    for number, step in enumerate(refreshes):
        shown = pl.concat(
            [_findings(*sorted(step.shown - {"d"})), _findings(*sorted(step.shown & {"d"}), rule="G03")]
        )
        known = Vanished(step.gone, step.applied, step.restored, frozenset({"G03"}))
        merged = merge_lifecycle(shown, before, f"r{number}", _states(**step.states), known)
        seen |= step.shown
        assert sorted(merged["finding_id"]) == sorted(seen), "every finding once, and none is forgotten"
        assert set(merged["status"]) <= set(FINDING_STATUS.codes) and merged["status"].null_count() == 0
        is_open = merged["status"].is_in(list(OPEN_STATUSES))
        assert (merged["closed_release"].is_null() == is_open).all()
        for finding in step.shown & {one for one, state in step.states.items() if state == "correction"}:
            assert _status(merged)[finding] == ("reopened" if finding in step.applied else "corrected_here")
        for finding in step.shown - set(step.states):
            assert _status(merged)[finding] in ("open", "reopened"), "what is broken and undecided waits"
        before = merged
