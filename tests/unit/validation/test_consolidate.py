"""From rows to records: duplicates, upserts, precedence, conflicts, tolerance."""

from datetime import date
from typing import Any

import polars as pl

from registry_pipeline.validation.screening.consolidate import Consolidated, Consolidation, consolidate_table
from tests.support.staged import frame_of

SOURCES = {0: "his", 1: "civil"}


def _made(table: str, rows: list[dict[str, Any]], **how: Any) -> Consolidated:
    return consolidate_table(table, frame_of(table, rows), Consolidation(source_names=SOURCES, **how))


def _death(row_id: int, source: int, day: date, **more: Any) -> dict[str, Any]:
    return {
        "_row_id": row_id,
        "_source_no": source,
        "patient_id": "P1",
        "facility_id": "x",
        "death_date": day,
        **more,
    }


def test_exact_duplicates_make_one_record() -> None:
    row = {"patient_id": "P1", "facility_id": "x", "sex": "F"}
    made = _made("patient", [row, row, {**row, "patient_id": "P2"}])
    assert made.records["patient_id"].to_list() == ["P1", "P2"]
    assert made.fates.rows() == [(2, "duplicate")]
    assert made.conflicts.is_empty()


def test_rows_that_do_not_contradict_are_merged_item_by_item() -> None:
    base = {"patient_id": "P1", "facility_id": "x"}
    made = _made("patient", [{**base, "sex": "F"}, {**base, "birth_date": date(1960, 1, 1)}])
    assert made.records.select("sex", "birth_date").rows() == [("F", date(1960, 1, 1))]
    assert made.records["_row_ids"].to_list() == [[1, 2]]
    origins = dict(made.origins.select("column_name", "_origin").iter_rows())
    assert (origins["sex"], origins["birth_date"]) == (1, 2)
    assert made.fates.is_empty() and made.conflicts.is_empty()


def test_a_later_submission_of_the_same_source_replaces_the_row() -> None:
    base = {"followup_id": "f1", "patient_id": "P1", "facility_id": "x"}
    old = {**base, "_submission_no": 1, "disease_status": "ned", "is_alive": True}
    new = {**base, "_submission_no": 2, "disease_status": "awd"}
    made = _made("followup", [new, old])
    assert made.records.select("disease_status", "is_alive").rows() == [("awd", None)]
    assert made.fates.rows() == [(2, "superseded")]
    assert made.conflicts.is_empty()


def test_a_later_submission_of_another_source_replaces_nothing() -> None:
    made = _made(
        "death",
        [
            _death(1, 0, date(2020, 5, 1), _submission_no=1),
            _death(2, 1, date(2020, 5, 1), _submission_no=2, death_cause="cancer"),
        ],
    )
    assert made.fates.is_empty()
    assert made.records["death_cause"].to_list() == ["cancer"]


def test_contradiction_within_a_submission_is_a_conflict_of_that_item() -> None:
    base = {"lesion_id": "l1", "patient_id": "P1", "laterality": "L"}
    made = _made("lesion", [{**base, "lesion_site": "lung"}, {**base, "lesion_site": "scf"}])
    assert made.conflicts.select("items", "rule_id", "is_free_text").rows() == [("lesion_site", "L01", False)]


def test_differing_free_text_is_marked_as_such() -> None:
    base = {"lesion_id": "l1", "patient_id": "P1"}
    made = _made(
        "lesion", [{**base, "lesion_site_text": "lung, left"}, {**base, "lesion_site_text": "left lung"}]
    )
    assert made.conflicts["is_free_text"].to_list() == [True]


def test_sources_disagree_beyond_the_tolerance_only() -> None:
    rows = [_death(1, 0, date(2020, 5, 1)), _death(2, 1, date(2020, 5, 4))]
    assert _made("death", rows).conflicts["rule_id"].to_list() == ["H03"]
    assert _made("death", rows, tolerance={"death.death_date": 3}).conflicts.is_empty()


def test_precedence_of_an_item_and_of_a_table() -> None:
    rows = [
        _death(1, 0, date(2020, 5, 1), death_cause="cancer"),
        _death(2, 1, date(2020, 5, 20), death_cause="other"),
    ]
    by_item = _made("death", rows, precedence={"death.death_date": ["civil", "his"]})
    assert by_item.records.select("death_date", "death_cause").rows() == [(date(2020, 5, 20), "cancer")]
    by_table = _made("death", rows, precedence={"death": ["civil", "his"]})
    assert by_table.records.select("death_date", "death_cause").rows() == [(date(2020, 5, 20), "other")]
    by_order = _made("death", rows)
    assert by_order.records.select("death_date", "death_cause").rows() == [(date(2020, 5, 1), "cancer")]


def test_the_preferred_source_yields_where_it_says_nothing() -> None:
    rows = [_death(1, 0, date(2020, 5, 1)), {**_death(2, 1, date(2020, 5, 1)), "death_date": None}]
    made = _made("death", rows, precedence={"death": ["civil"]})
    assert made.records["death_date"].to_list() == [date(2020, 5, 1)]


def test_partial_dates_that_can_agree_do_not_conflict_and_the_exact_one_stands() -> None:
    month = {
        "death_date": date(2020, 5, 15),
        "death_date_precision": "month",
        "death_date_lower": date(2020, 5, 1),
        "death_date_upper": date(2020, 5, 31),
    }
    rows = [{**_death(1, 0, date(2020, 5, 15)), **month}, _death(2, 0, date(2020, 5, 3))]
    made = _made("death", rows)
    assert made.conflicts.is_empty()
    assert made.records.select("death_date", "death_date_precision").rows() == [(date(2020, 5, 3), "day")]


def test_numbers_within_the_tolerance() -> None:
    def row(number: int, size: float) -> dict[str, Any]:
        return {"_row_id": number, "_source_no": number - 1, "measurement_id": "m1", "long_axis_mm": size}

    rows = [row(1, 12.0), row(2, 12.4)]
    assert _made("measurement", rows).conflicts["rule_id"].to_list() == ["S17"]
    assert _made("measurement", rows, tolerance={"measurement.long_axis_mm": 0.5}).conflicts.is_empty()


def test_rows_without_a_key_stay_apart() -> None:
    made = _made("patient", [{"sex": "F"}, {"sex": "F"}])
    assert made.records.height == 2


def test_an_absent_table_has_no_records_and_every_column() -> None:
    made = consolidate_table("toxicity", None)
    assert made.records.is_empty()
    assert {"toxicity_id", "onset_date_lower", "_row_id", "_row_ids", "_origin"} <= set(made.records.columns)


def test_one_wide_row_may_feed_several_records_of_a_table() -> None:
    rows = [{"lesion_id": "l1", "_row_id": 7}, {"lesion_id": "l2", "_row_id": 7}]
    made = _made("lesion", rows)
    assert made.records["_row_id"].to_list() == [0, 1]
    assert made.records["_origin"].to_list() == [7, 7]


def test_a_type_that_the_model_cannot_take_is_refused_without_a_value() -> None:
    frame = pl.DataFrame({"_row_id": [1], "sex": [3.5]})
    try:
        consolidate_table("patient", frame)
    except TypeError as problem:
        assert "patient.sex" in str(problem) and "3.5" not in str(problem)
    else:
        raise AssertionError("no error")
