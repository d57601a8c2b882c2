"""The value of a correction: what no source could send is no value either."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from registry_pipeline.pipeline.corrections import UnusableValue, applicable, parse_value
from registry_pipeline.validation.decisions.ledger import value_digest
from registry_pipeline.validation.records import curated
from schemas.table import columns_of

NUMBERS = [
    (table, column)
    for table, model in curated().items()
    for column in columns_of(model)
    if column.kind in ("integer", "real")
]


@pytest.mark.parametrize(
    "text",
    ["NaN", "nan", "inf", "-inf", "1e999", "1_0", "<5", "about 5", "5 mm", "1,5", "0x1", "=1+1", "--1"],
)
def test_what_is_no_number_is_refused_for_every_number(text: str) -> None:
    assert NUMBERS
    for table, column in NUMBERS:
        with pytest.raises(UnusableValue, match=column.name):
            parse_value(table, column, text)


def test_a_number_is_taken_for_every_number_and_only_a_whole_one_for_counts() -> None:
    for table, column in NUMBERS:
        value = parse_value(table, column, " 1 ")[column.name]
        assert value == 1 and isinstance(value, int if column.kind == "integer" else float)
        if column.kind == "integer":
            with pytest.raises(UnusableValue, match="a whole number"):
                parse_value(table, column, "0.5")
        elif (column.minimum or 0) <= 0.5:
            assert math.isclose(float(str(parse_value(table, column, "0.5")[column.name])), 0.5)


@pytest.mark.parametrize(
    ("item", "value", "is_applied"),
    [
        ("tumour_size_mm", "12", True),
        ("tumour_size_mm", "NaN", False),
        ("figo_stage", "VII", False),
        ("gone", "1", False),
    ],
)
def test_a_correction_that_its_column_does_not_take_any_more_rests(
    item: str, value: str, is_applied: bool
) -> None:
    """Such as of a code that an earlier version knew: it would stop every refresh."""
    place = ("facility_id", "source_file", "sheet", "source_column", "patient_id")
    finding = {
        "finding_id": "F1",
        "_row_id": 1,
        "source_row": 2,
        "value_text": "6,8",
        **dict.fromkeys(place, "x"),
    }
    correction: Any = SimpleNamespace(
        finding_id="F1", decision_no=1, table_name="primary_tumour", record_key="R1", items=item, new_value=value,
        value_digest=value_digest("6,8", b"key"),
    )  # fmt: skip
    assert applicable([correction], pl.DataFrame([finding]), b"key").height == is_applied
