"""Every rule within a table: its own passing and failing records, through pandera."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import polars as pl
import pytest

from registry_pipeline.core.settings import Settings
from registry_pipeline.validation.records import curated
from registry_pipeline.validation.rules.catalogue import catalogue, parameters_of
from registry_pipeline.validation.screening.within_table import Outcome, judge_table
from schemas.table import Rule, rules_of
from tests.support.staged import EXTRACT_DATE, records_of

RULES = [(name, rule) for name, model in curated().items() for rule in rules_of(model)]
PARAMETERS = parameters_of(Settings(), EXTRACT_DATE)


def _severities(name: str, rule: Rule, example: Any) -> list[str]:
    row = {key: value for key, value in example.items() if not key.startswith("_")}
    outcome = Outcome()
    judge_table(
        name, records_of({name: [row, *example.get("_others", ())]})[name], catalogue(), PARAMETERS, outcome
    )
    assert outcome.failures == {}
    found = outcome.violations.whole().filter(pl.col("_row_id") == 1)
    return found.filter(pl.col("rule_id") == rule.rule_id)["severity"].to_list()


@pytest.mark.parametrize(("name", "rule"), RULES, ids=[f"{rule.rule_id}-{name}" for name, rule in RULES])
def test_examples(name: str, rule: Rule) -> None:
    for example in rule.failing:
        assert _severities(name, rule, example) == [example.get("_severity", rule.severity)], example
    for example in rule.passing:
        assert _severities(name, rule, example) == [], example


def test_a_rule_that_does_not_apply_is_not_counted() -> None:
    outcome = Outcome()
    judge_table(
        "measurement", records_of({"measurement": [{}]})["measurement"], catalogue(), PARAMETERS, outcome
    )
    assert outcome.denominators[0]["M01"] == 0


def test_the_engine_judges_at_all() -> None:
    """Canary: on a LazyFrame pandera runs no check and raises nothing."""
    outcome = Outcome()
    records = records_of({"measurement": [{"long_axis_mm": 15.0}, {"long_axis_mm": 999.0}]})["measurement"]
    assert isinstance(records, pl.DataFrame)
    judge_table("measurement", records, catalogue(), PARAMETERS, outcome)
    found = outcome.violations.whole().filter(pl.col("rule_id") == "M01")
    assert found["_row_id"].to_list() == [2]


class PanicException(BaseException):
    """As pyo3 makes it: no Exception."""


def _panicking(_: object) -> pl.Expr:
    raise PanicException("birth date of Zhang")


def _panicking_with_values(_: object) -> pl.Expr:
    """Gives an expression; what panics is its evaluation, in the middle of pandera."""
    return pl.col("size_lower_mm").map_batches(_panicking, return_dtype=pl.Boolean)


def _without_parameter(given: Mapping[str, object]) -> pl.Expr:
    return pl.lit(given["no such parameter"])


@pytest.mark.parametrize("check", [_without_parameter, _panicking, _panicking_with_values])
def test_a_rule_that_raises_is_reported_and_stops_nothing(check: Callable[..., pl.Expr]) -> None:
    from dataclasses import replace

    rules = catalogue()
    broken = replace(rules.entries["M01"].judged_by, check=lambda _: pl.col("no such column") > 1)  # type: ignore[type-var]
    raising = replace(rules.entries["M02"].judged_by, check=check)  # type: ignore[type-var]
    entries = dict(rules.entries)
    entries["M01"] = replace(entries["M01"], judged_by=broken)
    entries["M02"] = replace(entries["M02"], judged_by=raising)
    outcome = Outcome()
    records = records_of({"measurement": [{"size_lower_mm": 12.0, "size_upper_mm": 9.0}]})["measurement"]
    judge_table("measurement", records, replace(rules, entries=entries), PARAMETERS, outcome)
    assert set(outcome.failures) == {"M01", "M02"}
    assert "Zhang" not in outcome.failures["M02"]
    assert "M12" in outcome.violations.whole()["rule_id"].to_list()


@pytest.mark.parametrize("advice", [_panicking_with_values, lambda _: pl.col("no such column")])
def test_advice_that_raises_is_reported_and_its_violations_stay(advice: Callable[..., pl.Expr]) -> None:
    from dataclasses import replace

    rules, outcome = catalogue(), Outcome()
    raising = replace(rules.entries["M02"].judged_by, suggest=advice)  # type: ignore[type-var]
    entries = {**rules.entries, "M02": replace(rules.entries["M02"], judged_by=raising)}
    size = {"size_lower_mm": 12.0, "size_upper_mm": 9.0, "long_axis_mm": 9.0, "short_axis_mm": 12.0}
    records = records_of({"measurement": [size]})["measurement"]
    judge_table("measurement", records, replace(rules, entries=entries), PARAMETERS, outcome)
    assert set(outcome.failures) == {"M02"}
    assert "Zhang" not in outcome.failures["M02"]
    assert {"M02", "M12"} <= set(outcome.violations.whole()["rule_id"])


ADVICE = [
    ("T04", "lrt_course", {"lrt_modality": "rt", "n_fractions_delivered": 5, "dose_per_fraction_gy": 10.0, "total_dose_gy": 60.0},
     "50.0 Gy"),
    ("T04", "lrt_course", {"lrt_modality": "rt", "n_fractions_delivered": 50}, None),
    ("T04", "lrt_course", {"lrt_modality": "rt", "n_fractions_delivered": 50, "dose_per_fraction_gy": 2.0}, None),
    ("T04", "lrt_course", {"lrt_modality": "rt", "n_fractions_delivered": 1, "dose_per_fraction_gy": 34.0, "total_dose_gy": 60.0},
     "34.0 Gy"),
    ("T04", "lrt_course", {"lrt_modality": "rt", "n_fractions_delivered": 45, "dose_per_fraction_gy": 0.5, "total_dose_gy": 60.0},
     "22.5 Gy"),
    ("T05", "lrt_course", {"lrt_modality": "rt", "total_dose_gy": 6000.0}, "60.0 Gy"),
    ("T05", "lrt_course", {"lrt_modality": "rt", "total_dose_gy": 300.0}, None),
    ("T05", "lrt_course", {"lrt_modality": "rt", "total_dose_gy": 120.0}, None),
    ("T06", "lrt_course", {"n_fractions_delivered": 5, "dose_per_fraction_gy": 10.0, "bed10_gy": 90.0},
     "BED10 100.0 Gy, EQD2 83.33 Gy"),
    ("M02", "measurement", {"long_axis_mm": 9.0, "short_axis_mm": 12.0, "third_axis_mm": 10.0}, "12.0 x 10.0 x 9.0 mm"),
    ("V10", "primary_tumour", {"histology_group": "scc", "morphology_code": "8560/3"}, "adsq"),
    ("L03", "lesion", {"lesion_site": "lung", "icd10_secondary_code": "C78.7"}, "liver"),
    ("L03", "lesion", {"lesion_site": "lung", "is_node": True}, None),
    ("V02", "patient", {"sex": "M"}, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule_id", "name", "row", "advice"), ADVICE, ids=[f"{one[0]} {one[3]}" for one in ADVICE]
)
def test_what_to_write_instead_is_computed(rule_id: str, name: str, row: Any, advice: str | None) -> None:
    outcome = Outcome()
    judge_table(name, records_of({name: [row]})[name], catalogue(), PARAMETERS, outcome)
    assert outcome.failures == {}
    found = outcome.violations.whole().filter(pl.col("rule_id") == rule_id)
    assert found["suggestion"].to_list() == [advice]


# Settings and values that lie exactly on a limit, also in floating point.
LIMITS = [
    ("L06", "lesion", {"maximum_months": 16}, {"detection_date": date(2018, 5, 3), "last_negative_date": date(2017, 1, 1)}),
    ("T04", "lrt_course", {}, {"lrt_modality": "rt", "n_fractions_delivered": 8, "dose_per_fraction_gy": 9.7, "total_dose_gy": 78.376000001}),
    ("T06", "lrt_course", {"tolerance_gy": 0.499999999}, {"n_fractions_delivered": 5, "dose_per_fraction_gy": 10.0, "bed10_gy": 100.5}),
    ("T06", "lrt_course", {"tolerance_gy": 0.499999999}, {"n_fractions_delivered": 3, "dose_per_fraction_gy": 2.0, "eqd2_gy": 6.5}),
]  # fmt: skip


@pytest.mark.parametrize(("rule_id", "name", "thresholds", "row"), LIMITS)
def test_a_value_on_the_limit_passes(rule_id: str, name: str, thresholds: Any, row: Any) -> None:
    rules = catalogue().overridden({rule_id: {"thresholds": thresholds}})
    outcome = Outcome()
    judge_table(name, records_of({name: [row]})[name], rules, PARAMETERS, outcome)
    assert outcome.failures == {} and outcome.denominators[0][rule_id] == 1
    assert rule_id not in outcome.violations.whole()["rule_id"].to_list()
