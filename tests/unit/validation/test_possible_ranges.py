"""Every number has a possible range; what lies outside is told, and its record is kept without it."""

import polars as pl
import pytest

import schemas
from registry_pipeline.validation.records import curated, required_items
from registry_pipeline.validation.rules.catalogue import OverrideError, catalogue
from schemas.columns import Column
from schemas.constraints import possible_range
from schemas.table import columns_of, key_of
from tests.support.staged import screen, staged_of
from tests.unit.validation.test_screen import WOMAN

NUMBERS = [
    (name, column)
    for name, model in schemas.tables().items()
    for column in columns_of(model)
    if column.kind in ("integer", "real")
]
CURATED = [(name.partition(".")[2], column) for name, column in NUMBERS if name.startswith("curated.")]


@pytest.mark.parametrize(
    ("name", "column"), NUMBERS, ids=[f"{name}.{column.name}" for name, column in NUMBERS]
)
def test_every_number_has_a_range(name: str, column: Column) -> None:
    if name.startswith("result.") and not column.name.startswith("n_"):
        return  # an estimate may be any number
    if name.startswith("result."):
        assert column.minimum is None or column.minimum >= 0
        return
    assert column.minimum is not None
    assert not name.startswith("curated.") or column.maximum is not None


@pytest.mark.parametrize(
    ("table", "column"), CURATED, ids=[f"{table}.{column.name}" for table, column in CURATED]
)
def test_a_number_outside_its_range_is_told_and_left_out(table: str, column: Column) -> None:
    assert column.minimum is not None and column.maximum is not None
    for value in (column.minimum - 1, column.maximum + 1):
        wrong = int(value) if column.kind == "integer" else float(value)
        row = {"patient_id": "P1", "facility_id": "west", column.name: wrong}
        row |= {one: "k1" for one in key_of(curated()[table]) if one not in row}
        found = screen(staged_of({"patient": [WOMAN], table: [row]}))
        told = found.findings.filter((pl.col("rule_id") == "S19") & (pl.col("items") == column.name))
        assert told["message"].str.contains(
            f"possible: {possible_range(column)}", literal=True
        ).to_list() == [True]
        records = pl.concat([found.accepted[table], found.quarantined[table]])
        assert records[column.name].to_list() == [None]
        assert column.name not in required_items(table)


@pytest.mark.parametrize(
    ("rules", "what"),
    [
        ({"S14": {"severity": "off"}}, "cannot be off"),
        ({"S19": {"severity": "off"}}, "cannot be off"),
        ({"M01": {"thresholds": {"minimum_mm": 300.0}}}, "lies above maximum_mm"),
        ({"M01": {"thresholds": {"minimum_mm": float("nan")}}}, "must be a number from 0"),
        ({"U03": {"thresholds": {"maximum_months": -1}}}, "must be a number from 0"),
        ({"G08": {"thresholds": {"digit_percent": 140}}}, "must be at most 100"),
    ],
)
def test_a_setting_that_cannot_hold_is_refused(rules: dict[str, dict[str, object]], what: str) -> None:
    with pytest.raises(OverrideError, match=what):
        catalogue().overridden(rules)


def test_keys_stay_errors_whatever_the_setting() -> None:
    softened = catalogue().overridden({"S14": {"severity": "warning"}})
    rows = [WOMAN, {**WOMAN, "patient_id": None}, {**WOMAN, "patient_id": None, "_source_no": 1}]
    found = screen(staged_of({"patient": rows}), softened)
    assert found.accepted["patient"]["patient_id"].to_list() == [WOMAN["patient_id"]]
    missing = found.findings.filter((pl.col("rule_id") == "S14") & (pl.col("items") == "patient_id"))
    assert missing["severity"].to_list() == ["error", "error"]


def test_an_unreadable_optional_item_is_no_reason_to_lose_the_record() -> None:
    issue = {
        "table_name": "primary_tumour", "_row_id": 1, "column_name": "age_at_diagnosis_years", "rule_id": "S14",
        "reason": "not_an_integer", "value_text": "53.3",
    }  # fmt: skip
    tumour = {"tumour_id": "t1", "patient_id": "P1", "facility_id": "west"}
    found = screen(staged_of({"primary_tumour": [tumour]}, issues=[issue]))
    told = found.findings.filter((pl.col("rule_id") == "S14") & (pl.col("value_text") == "53.3"))
    assert told["severity"].to_list() == ["warning"]
