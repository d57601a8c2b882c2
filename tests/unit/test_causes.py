"""Findings of one cause are settled by one decision; what has to be judged one by one is no common cause."""

import polars as pl

from registry_pipeline.stewardship.findings import cause_id

FINDING = {"facility_id": "x", "severity": "error", "source_column": "c"}


def _causes(*findings: tuple[str, str, str, str, str | None, str]) -> list[str]:
    names = ("finding_id", "rule_id", "table_name", "items", "value_text", "record_key")
    frame = pl.DataFrame([{**FINDING, **dict(zip(names, row, strict=True))} for row in findings])
    return frame.with_columns(cause_id())["cause_id"].to_list()


def test_the_same_wrong_value_is_one_cause_and_another_value_another() -> None:
    rows = [("F1", "V02", "patient", "sex", "M", "P1"), ("F2", "V02", "patient", "sex", "M", "P2"),
            ("F3", "V02", "patient", "sex", "X", "P3")]  # fmt: skip
    assert _causes(*rows) == ["F1", "F1", "F3"]


def test_a_value_that_only_names_the_record_does_not_part_a_cause() -> None:
    rows = [(f"F{n}", "U03", "patient", "patient_id", f"H{n}", f"P{n}") for n in (1, 2)]
    assert _causes(*rows) == ["F1", "F1"]


def test_every_pair_of_patients_is_a_cause_by_itself() -> None:
    rows = [(f"F{n}", "V05", "patient", "patient_id", None, f"P{n}|P9") for n in (1, 2)]
    assert _causes(*rows) == ["F1", "F2"]
