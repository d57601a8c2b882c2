"""Waived errors accept their record, while the value is the one that was waived and the release can hold it."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from registry_pipeline.core.settings import Settings
from registry_pipeline.validation.decisions.ledger import value_digest
from registry_pipeline.validation.decisions.waivers import Waivers
from registry_pipeline.validation.rules.catalogue import catalogue, parameters_of
from registry_pipeline.validation.screening.findings import finding_id
from registry_pipeline.validation.screening.screen import Screening, ScreenOptions
from registry_pipeline.validation.screening.screened import Screened
from tests.support.staged import EXTRACT_DATE, screen, staged_of

KEY = b"k" * 32
PATIENT = {"patient_id": "P1", "facility_id": "x", "sex": "M", "birth_date": date(1960, 5, 1)}
TUMOUR = {"tumour_id": "T1", "patient_id": "P1", "facility_id": "x", "age_at_diagnosis_years": 50}


def _screened(waived: dict[str, str] | None = None, **changed: Any) -> Screened:
    staged = staged_of({"patient": [PATIENT | changed], "primary_tumour": [TUMOUR]})
    return screen(staged, options=ScreenOptions(waivers=Waivers(waived or {}, KEY)))


def _finding(screened: Screened, rule_id: str) -> tuple[str, str | None]:
    return screened.findings.filter(pl.col("rule_id") == rule_id).select("finding_id", "value_text").row(0)


def test_a_waived_error_accepts_the_record_and_stays_a_finding() -> None:
    finding, value = _finding(_screened(), "V02")
    made = _screened({finding: value_digest(value, KEY)})
    assert made.accepted["patient"]["patient_id"].to_list() == ["P1"]
    assert _finding(made, "V02") == (finding, value)
    result = made.rule_results.filter(pl.col("rule_id") == "V02")
    assert result["status"].to_list() == ["findings"]


@pytest.mark.parametrize("digest", [value_digest("F", KEY), value_digest("M", b"l" * 32), ""])
def test_a_waiver_of_another_value_lifts_nothing(digest: str) -> None:
    finding, _ = _finding(_screened(), "V02")
    made = _screened({finding: digest})
    assert made.accepted["patient"].is_empty() and made.quarantine["cause"].to_list()[0] == "V02"


def test_what_the_release_could_not_hold_stays_out_waived_or_not() -> None:
    """A tumour needs its date of diagnosis: no decision can make one."""
    finding, value = _finding(_screened(sex="F"), "S10")
    made = _screened({finding: value_digest(value, KEY)}, sex="F")
    assert made.accepted["patient"].height == 1 and made.accepted["primary_tumour"].is_empty()


def test_a_waiver_lifts_its_own_error_only() -> None:
    """Two errors of one record: both have to be waived."""
    both: dict[str, Any] = {"source_patient_id": "ZZ_TEST"}
    one, value = _finding(_screened(**both), "V02")
    other, number = _finding(_screened(**both), "V06")
    first, second = {one: value_digest(value, KEY)}, {other: value_digest(number, KEY)}
    assert _screened(first, **both).accepted["patient"].is_empty()
    assert _screened(second, **both).accepted["patient"].is_empty()
    assert _screened(first | second, **both).accepted["patient"].height == 1


def test_a_waiver_lifts_the_error_of_its_own_facility() -> None:
    waived = finding_id("V02", "y", "patient", "y-1", "sex")
    options = [ScreenOptions(waivers=Waivers(own, KEY)) for own in ({}, {waived: value_digest("M", KEY)})]
    staged = [
        staged_of({"patient": [PATIENT | {"patient_id": f"{name}-1", "facility_id": name}]}) for name in "xy"
    ]
    parameters = parameters_of(Settings(), EXTRACT_DATE)
    first, second = Screening("xy", staged, catalogue(), parameters, options).finish()
    assert waived in second.findings["finding_id"]
    assert first.accepted["patient"].is_empty() and second.accepted["patient"].height == 1
