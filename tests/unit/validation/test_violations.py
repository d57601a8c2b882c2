"""Violations while there are many: narrow, whole again when taken, and listed alike however they are batched."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from registry_pipeline.core.frames import with_schema
from registry_pipeline.validation.screening import violations as module
from registry_pipeline.validation.screening.facilities import Facilities
from registry_pipeline.validation.screening.findings import FindingContext, finding_number
from registry_pipeline.validation.screening.listing import list_violations
from registry_pipeline.validation.screening.quarantine import _own
from registry_pipeline.validation.screening.violations import (
    VIOLATION,
    ErrorRows,
    Violations,
    violation_frame,
)
from registry_pipeline.validation.screening.within_table import Judgement, Outcome, judge

N = 40_000


def broken(items: str, rule_id: str, n: int = N, **columns: pl.Expr) -> pl.DataFrame:
    return pl.select(
        pl.int_range(n).alias("_row_id"),
        pl.lit("patient").alias("table_name"),
        pl.lit(rule_id).alias("rule_id"),
        pl.lit("error").alias("severity"),
        pl.lit(items).alias("items"),
        **columns,
    )


def ordered(frame: pl.DataFrame) -> pl.DataFrame:
    return with_schema(frame, VIOLATION).sort(
        pl.col("rule_id", "items", "table_name").cast(pl.String), "_row_id"
    )


def test_a_million_alike_take_a_number_each_and_come_back_whole() -> None:
    frames = [
        broken("sex", "S05", detail=pl.lit("possible: F, M")),
        broken("birth_date", "S14", value_text=pl.int_range(N).cast(pl.String)),
        broken("sex", "S14", n=3),
    ]
    held = Violations()
    for frame in frames:
        held.add(frame)
    assert len(held) == 2 * N + 3
    sizes = [part.rows.estimated_size() / part.height for parts in held._many.values() for part in parts]
    assert min(sizes) <= 4.2 and max(sizes) < 4.2 + 16 + 10, "bytes: a number, a text where texts differ"
    expected = ordered(pl.concat(violation_frame(frame) for frame in frames))
    assert_frame_equal(ordered(held.whole()), expected)
    batches = list(held.take())
    assert_frame_equal(ordered(pl.concat(batches)), expected)
    assert len(held) == 0


def test_what_is_about_the_same_items_is_taken_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few they are: an item that could not be read is not missing, too."""
    monkeypatch.setattr(module, "AT_A_TIME", 1)
    held = Violations()
    held.add(broken("sex", "S05"))
    held.add(broken("birth_date", "S14"))
    held.add(pl.concat([broken("sex", "S14", n=2), broken("birth_date", "S05", n=5)]))
    seen = [set(batch["items"]) for batch in held.take()]
    assert seen == [{"sex"}, {"birth_date"}]


@pytest.mark.parametrize("at_a_time", [1, 10**6])
def test_batches_do_not_change_what_is_listed(at_a_time: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_A_TIME", at_a_time)
    monkeypatch.setattr(module, "FEW", 100)
    records = pl.select(
        pl.int_range(1000).alias("_row_id"),
        pl.int_range(1000).alias("_origin"),
        pl.format("P{}", pl.int_range(1000)).alias("patient_id"),
    )
    rows = records.select(
        "_row_id", pl.lit("s").alias("submission_id"), pl.lit("f.csv").alias("source_file"),
        pl.lit("").alias("sheet"), pl.lit("x").alias("source_name"),
    )  # fmt: skip
    none = pl.DataFrame(
        schema={"table_name": pl.String, "_row_id": pl.Int64, "column_name": pl.String, "_origin": pl.Int64}
    )
    held = Violations()
    for items, n in (("sex", 1000), ("birth_date", 600), ("residence_region", 30), ("vital_status", 900)):
        held.add(broken(items, "S05", n=n))
    listing = list_violations(
        held.take(), FindingContext(Facilities(("north",)), {"patient": records}, none, rows), 400
    )
    counts = {
        items: tuple(counted)
        for items, *counted in listing.causes.select("items", "n_findings", "n_listed").iter_rows()
    }
    assert counts == {
        "sex": (1000, 123), "birth_date": (600, 123), "residence_region": (30, 30), "vital_status": (900, 123),
    }  # fmt: skip
    assert listing.unlisted.height == 1000 + 600 + 900 - 3 * 123
    ids = {row: finding_number("S05", "north", "patient", f"P{row}", "sex") for row in range(1000)}
    smallest = sorted(ids, key=lambda row: ids[row])[:123]
    assert sorted(listing.listed.filter(pl.col("items") == "sex")["_row_id"]) == sorted(smallest)
    assert listing.unlisted["finding_number"].n_unique() == listing.unlisted.height


def test_a_rule_within_a_table_never_sees_all_records_of_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows that pandera is given do not grow with the table."""
    from registry_pipeline.validation.rules.catalogue import Catalogue
    from registry_pipeline.validation.screening import within_table

    monkeypatch.setattr(within_table, "_AT_A_TIME", 100)
    heights: list[int] = []

    def watched(name: str, records: pl.DataFrame, *rest: object) -> None:
        heights.append(records.height)

    monkeypatch.setattr(within_table, "judge", watched)
    records = pl.DataFrame(schema={"patient_id": pl.String}).clear(1)
    within_table.judge_table(
        "patient", pl.concat([records] * 250), Catalogue({}), {"extract_date": date(2020, 1, 1)}, Outcome()
    )
    assert heights == [100, 100, 50]


def test_judging_slices_counts_and_finds_what_judging_all_does() -> None:
    records = pl.select(pl.int_range(100).alias("_row_id"), (pl.int_range(100) % 7).alias("value"))
    rule = [Judgement("M01", "error", "value", pl.col("value") > 0)]
    whole, sliced = Outcome(), Outcome()
    judge("measurement", records, rule, [], whole)
    for part in records.iter_slices(9):
        judge("measurement", part, rule, [], sliced)
    assert sliced.denominators == whole.denominators == [{"M01": 100}]
    assert_frame_equal(sliced.violations.whole(), whole.violations.whole())


def test_errors_are_each_rules_records_once_and_can_be_lifted() -> None:
    errors = ErrorRows()
    errors.add(violation_frame(broken("sex", "S05", n=4)))
    errors.add(violation_frame(broken("birth_date", "S05", n=2)))
    errors.add(violation_frame(broken("sex", "S14", n=1)))
    errors.add(violation_frame(broken("sex", "S19", n=9).with_columns(severity=pl.lit("warning"))))
    errors.lift("patient", "S14", "sex", pl.Series([0]))
    errors.lift("patient", "S05", "sex", pl.Series([1, 3]))
    broken_rules = {rule: sorted(rows) for rule, rows in errors.of_table("patient").items()}
    assert broken_rules == {"S05": [0, 1, 2]}
    assert errors.of_table("lesion") == {}


def test_records_kept_out_by_a_single_rule_may_come_in_any_order() -> None:
    errors = ErrorRows({("patient", "S14", "sex"): [pl.Series([4, 1, 3], dtype=pl.UInt32)]})
    for _ in range(20):  # distinct values come in an order of chance
        own = _own(errors.of_table("patient"))
        assert own["_row_id"].to_list() == [1, 3, 4]
        assert own["cause"].to_list() == ["S14"] * 3
