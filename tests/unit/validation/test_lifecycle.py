"""The life of findings across releases."""

import polars as pl

from registry_pipeline.validation.registry_wide.finding_history import merge_lifecycle
from registry_pipeline.validation.screening.findings import FINDING


def _findings(*ids: str) -> pl.DataFrame:
    rows = [{"finding_id": one, "rule_id": "M01", "severity": "error", "status": "open"} for one in ids]
    return pl.DataFrame(rows, schema=FINDING)


def _life(frame: pl.DataFrame) -> dict[str, tuple[str, str, str]]:
    told = frame.select("finding_id", "status", "first_seen_release", "last_seen_release")
    return {row[0]: (row[1], row[2], row[3]) for row in told.iter_rows()}


def test_open_closed_reopened() -> None:
    first = merge_lifecycle(_findings("a", "b"), None, "r1")
    assert _life(first) == {"a": ("open", "r1", "r1"), "b": ("open", "r1", "r1")}
    second = merge_lifecycle(_findings("a"), first, "r2")
    assert _life(second) == {"a": ("open", "r1", "r2"), "b": ("closed", "r1", "r1")}
    third = merge_lifecycle(_findings("a", "b", "c"), second, "r3")
    assert _life(third)["b"] == ("reopened", "r1", "r3")
    assert _life(third)["c"] == ("open", "r3", "r3")
    fourth = merge_lifecycle(_findings("b"), third, "r4")
    assert _life(fourth) == {
        "b": ("reopened", "r1", "r4"),
        "a": ("closed", "r1", "r3"),
        "c": ("closed", "r3", "r3"),
    }
    assert _life(merge_lifecycle(_findings(), fourth, "r5"))["a"] == ("closed", "r1", "r3")


def test_the_last_decision_in_force_decides_the_status() -> None:
    decisions = pl.DataFrame({"finding_id": ["a", "a", "b"], "state": ["answered", "confirmed", "waived"]})
    merged = merge_lifecycle(_findings("a", "b", "c"), None, "r1", decisions)
    assert {key: life[0] for key, life in _life(merged).items()} == {
        "a": "confirmed",
        "b": "waived",
        "c": "open",
    }
    withdrawn = merge_lifecycle(_findings("a", "b"), merged, "r2", decisions.clear())
    assert {key: life[0] for key, life in _life(withdrawn).items() if life[0] != "closed"} == {
        "a": "open",
        "b": "open",
    }


def test_decided_states_are_kept_when_no_ledger_is_given() -> None:
    decisions = pl.DataFrame({"finding_id": ["a"], "state": ["waived"]})
    merged = merge_lifecycle(_findings("a"), None, "r1", decisions)
    assert _life(merge_lifecycle(_findings("a"), merged, "r2"))["a"][0] == "waived"
