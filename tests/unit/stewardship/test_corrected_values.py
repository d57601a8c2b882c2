"""The value of a correction: what no source could send is no value either."""

from __future__ import annotations

import math

import pytest

from registry_pipeline.pipeline.corrections import UnusableValue, parse_value
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
