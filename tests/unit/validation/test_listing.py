"""Findings of one cause are counted exactly and listed up to a bound; every record keeps its fate."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from registry_pipeline.pipeline.findings import still_broken
from registry_pipeline.store.parquet import write_parquet
from registry_pipeline.validation.decisions.ledger import value_digest
from registry_pipeline.validation.decisions.waivers import Waivers
from registry_pipeline.validation.registry_wide.bounded_listing import Bound, RegistryListing, list_broken
from registry_pipeline.validation.registry_wide.finding_history import merge_lifecycle
from registry_pipeline.validation.rules.catalogue import catalogue
from registry_pipeline.validation.screening.listing import LEAST_LISTED
from registry_pipeline.validation.screening.screen import ScreenOptions
from registry_pipeline.validation.screening.screened import Screened
from tests.support.staged import screen, staged_of

N_ROWS, N_BAD = 400, 90
FUTURE = date(2999, 1, 1)


def _screened(most: int, waivers: Waivers | None = None, shift: int = 0) -> Screened:
    """Records of which some were born after the extract, which is an error of each of them."""
    rows = [
        {
            "_row_id": N_ROWS - at + shift,
            "patient_id": f"P{at:04}",
            "sex": "F",
            "birth_date": FUTURE if at < N_BAD else date(1950, 1, 1 + at % 28),
        }
        for at in range(N_ROWS)
    ]
    lifted = waivers or Waivers()
    options = ScreenOptions(max_findings=most, waivers=lifted, needed=frozenset(lifted.digests))
    return screen(staged_of({"patient": rows}), options=options)


def _counted(done: Screened) -> dict[str, int]:
    return {
        row["rule_id"]: row["n_violated"]
        for row in done.rule_results.iter_rows(named=True)
        if row["n_violated"]
    }


@pytest.mark.parametrize("most", [1, 60, 150])
def test_what_is_listed_is_bounded_and_what_is_counted_is_exact(most: int) -> None:
    whole, sampled = _screened(1_000_000), _screened(most)
    assert whole.unlisted.is_empty() and not sampled.unlisted.is_empty()
    rows = sampled.findings.drop_nulls("systemic_finding_id")
    n_causes = rows["systemic_finding_id"].n_unique()
    assert rows.height <= max(most, n_causes * LEAST_LISTED)
    assert _counted(sampled) == _counted(whole)
    assert sampled.quarantine.equals(whole.quarantine) and sampled.row_account.equals(whole.row_account)
    ids = {f"F{number:016x}" for number in sampled.unlisted["finding_number"]}
    assert ids | set(rows["finding_id"]) >= set(whole.findings.filter(pl.col("n_rows") == 1)["finding_id"])


def test_the_cause_says_how_many_there_are_and_how_many_are_shown() -> None:
    done = _screened(60)
    causes = done.findings.filter(
        pl.col("record_key").str.starts_with("systemic"), pl.col("rule_id") == "S09"
    )
    (cause,) = causes.iter_rows(named=True)
    listed = done.findings.filter(pl.col("systemic_finding_id") == cause["finding_id"])
    assert cause["n_rows"] == N_BAD
    said = f"{N_BAD} of {N_ROWS} rows of the file break this rule, too many to list each of them: {listed.height} of the"
    assert cause["message"].startswith(said)
    assert set(done.unlisted.filter(pl.col("rule_id") == "S09")["systemic_finding_id"]) == {
        cause["finding_id"]
    }


def test_another_order_of_the_file_shows_the_same_records() -> None:
    first, second = _screened(60), _screened(60, shift=5_000)
    assert first.findings["finding_id"].sort().equals(second.findings["finding_id"].sort())


def test_a_waived_finding_is_listed_and_lifts_its_record_however_many_there_are() -> None:
    whole = _screened(1_000_000)
    sampled = _screened(1)
    out = whole.findings.filter(pl.col("rule_id") == "S09", pl.col("n_rows") == 1)
    hidden = out.join(sampled.findings, on="finding_id", how="anti").row(0, named=True)
    digests = {hidden["finding_id"]: value_digest(hidden["value_text"], b"k")}
    again = _screened(1, Waivers(digests, b"k"))
    assert hidden["finding_id"] in again.findings["finding_id"]
    assert hidden["finding_id"] not in sampled.findings["finding_id"]


def test_small_causes_are_listed_whole_beside_a_large_one() -> None:
    rows = [
        {"_row_id": at, "patient_id": f"P{at}", "sex": "M" if at < 3 else "F", "birth_date": FUTURE}
        for at in range(300)
    ]
    done = screen(staged_of({"patient": rows}), options=ScreenOptions(max_findings=200))
    own = done.findings.filter(pl.col("record_key").str.starts_with("P"))
    assert own.filter(pl.col("rule_id") == "V02").height == 3
    assert "V02" not in done.unlisted["rule_id"].cast(pl.String)


def test_a_release_with_a_column_less_takes_what_this_one_lists() -> None:
    now = _screened(60).findings
    before = merge_lifecycle(now, None, "r1").drop("n_rows")
    assert set(merge_lifecycle(now, before, "r2")["status"]) == {"open"}


def test_a_finding_that_is_no_longer_listed_is_not_corrected(tmp_path: Path) -> None:
    """It was listed by the release before, and is still broken: it stays open, behind the finding of its cause."""
    whole, sampled = _screened(1_000_000), _screened(60)
    previous = merge_lifecycle(whole.findings, None, "r1")
    current = sampled.findings.drop("_row_id")
    path = write_parquet(sampled.unlisted, tmp_path / "unlisted.parquet")
    carried = still_broken([path], previous, current)
    left_out = previous.join(current, on="finding_id", how="anti")
    assert left_out.height > 0
    assert set(carried["finding_id"]) == set(left_out["finding_id"])
    assert set(carried["systemic_finding_id"]) <= set(current["finding_id"])
    merged = merge_lifecycle(pl.concat([current, carried]), previous, "r2")
    assert set(merged["status"]) == {"open"} and set(merged["last_seen_release"]) == {"r2"}
    corrected = still_broken([path], previous.with_columns(pl.lit("corrected").alias("status")), current)
    assert corrected.is_empty(), "what was settled before stays settled"


def _file_screened(most: int, needed: frozenset[str] = frozenset()) -> Screened:
    """Lines of a file that could not be read, 200 in one way and three in another."""
    lines = [
        {
            "rule_id": "S15" if at < 200 else "S27",
            "source_row": at + 2,
            "reason": "too many cells",
            "value_text": f"x{at}",
        }
        for at in range(203)
    ]
    options = ScreenOptions(max_findings=most, needed=needed)
    staged = staged_of({"patient": [{"patient_id": "P1", "sex": "F"}]}, file_issues=lines)
    return screen(staged, options=options)


def test_findings_of_a_file_are_bounded_too_and_counted_exactly() -> None:
    whole, sampled = _file_screened(1_000_000), _file_screened(50)
    assert whole.unlisted.is_empty() and _counted(sampled) == _counted(whole)
    files = sampled.findings.filter(pl.col("table_name") == "file")
    cause = files.filter(pl.col("record_key").str.starts_with("systemic")).row(0, named=True)
    listed = files.filter(pl.col("systemic_finding_id") == cause["finding_id"])
    n_small = files.filter(pl.col("rule_id") == "S27").height
    assert (listed.height, n_small, cause["n_rows"]) == (47, 3, 200)
    assert listed["source_row"].to_list() == list(range(2, 49)), "the first of the file are shown"
    assert "47 of the 200 findings are listed" in cause["message"]
    assert sampled.unlisted.height == 153
    ids = {f"F{number:016x}" for number in sampled.unlisted["finding_number"]}
    assert ids | set(listed["finding_id"]) == set(
        whole.findings.filter(pl.col("rule_id") == "S15")["finding_id"]
    )


def test_a_decided_finding_of_a_file_is_listed_however_many_there_are() -> None:
    last = _file_screened(1_000_000).findings.filter(pl.col("source_row") == 201)["finding_id"][0]
    again = _file_screened(50, frozenset({last})).findings
    assert last in again["finding_id"] and last not in _file_screened(50).findings["finding_id"]


def _changed(n: int, most: int, needed: frozenset[str] = frozenset()) -> RegistryListing:
    """Records of two facilities whose size differs from that of the release before: ``n`` of one, three of the other."""
    broken = pl.DataFrame(
        {
            "facility_id": ["x"] * n + ["y"] * 3, "table_name": ["measurement"] * (n + 3),
            "record_key": [f"R{at}" for at in range(n + 3)], "items": ["long_axis_mm"] * (n + 3),
            "rule_id": ["G05"] * (n + 3), "severity": ["warning"] * (n + 3),
        }
    )  # fmt: skip
    return list_broken(broken, catalogue().entries["G05"], Bound(most, needed))


def test_changes_of_every_record_between_releases_are_a_sample_and_a_cause() -> None:
    whole, sampled = _changed(300, 1_000), _changed(300, 50)
    assert whole.unlisted.is_empty() and whole.causes.is_empty() and whole.listed.height == 303
    (cause,) = sampled.causes.iter_rows(named=True)
    listed = sampled.listed.filter(pl.col("facility_id") == "x")
    assert (listed.height, sampled.listed.height, sampled.unlisted.height) == (47, 50, 253)
    assert (cause["facility_id"], cause["n_rows"], cause["items"]) == ("x", 300, "long_axis_mm")
    assert cause["message"].startswith(
        "300 findings of this rule, too many to list each of them: 47 are listed"
    )
    assert set(listed["systemic_finding_id"]) == {cause["finding_id"]}
    assert set(sampled.unlisted["systemic_finding_id"]) == {cause["finding_id"]}
    assert sampled.listed.filter(pl.col("facility_id") == "y")["systemic_finding_id"].null_count() == 3
    ids = {f"F{number:016x}" for number in sampled.unlisted["finding_number"]}
    assert ids | set(sampled.listed["finding_id"]) == set(whole.listed["finding_id"])
    assert sampled.listed["finding_id"].equals(_changed(300, 50).listed["finding_id"])
    hidden = f"F{sampled.unlisted['finding_number'][0]:016x}"
    assert hidden in _changed(300, 50, frozenset({hidden})).listed["finding_id"]
