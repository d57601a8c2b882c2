"""Rates at fixed times, where small counts are hidden: no share gives away of how few people it is."""

from __future__ import annotations

import pandas as pd
import pytest

import schemas
from registry_pipeline.reporting.document.hidden import Hidden
from registry_pipeline.reporting.release.disclosure.gate import CURVES
from registry_pipeline.reporting.release.disclosure.rates import (
    RATES,
    rounded_bounds,
    rounded_card,
    rounded_rate,
    rounded_table,
)
from registry_pipeline.reporting.release.disclosure.remarks import disclosed_remark
from schemas.table import columns_of

LIMIT = 5
WORDS = ("survival", "probability", "incidence", "estimate")
OF_MODELS = {"result.prediction_standardised", "result.growth_fit", "result.growth_mixed"}
"""A model's, fitted to everybody: no count follows from them."""


def test_every_table_with_a_rate_is_rounded_or_said_to_need_none() -> None:
    with_rate = {
        name
        for name, model in schemas.tables().items()
        if name.startswith("result.")
        and any(column.name in WORDS and column.kind == "real" for column in columns_of(model))
    }
    assert (
        with_rate
        == {f"result.{name}" for name in RATES if name != "one_more_patient"} | set(CURVES) | OF_MODELS
    )


@pytest.mark.parametrize("n", [12, 23, 100, 533])
def test_a_rate_tells_no_count_of_few_people_and_no_exact_one(n: int) -> None:
    shown = [rounded_rate(1 - k / n, n, LIMIT) for k in range(n + 1)]
    assert all(isinstance(shown[k], Hidden) and isinstance(shown[n - k], Hidden) for k in range(1, LIMIT))
    assert shown[0] == 1.0 and shown[n] == 0.0
    open_ = [rate for rate in shown[LIMIT : n - LIMIT + 1] if not isinstance(rate, Hidden)]
    assert all(open_.count(rate) > 1 for rate in set(open_[3:-3]))
    assert all(abs(rate - (1 - k / n)) <= LIMIT / 2 / n + 1e-9 for k, rate in enumerate(open_, LIMIT))


def test_limits_and_errors_go_with_their_rate() -> None:
    rows = pd.DataFrame(
        {
            "n_patients": [100, 100, 100],
            "probability": [0.98, 0.713, float("nan")],
            "standard_error": [0.014, 0.045, float("nan")],
            "ci_lower": [0.93, 0.61, float("nan")],
            "ci_upper": [0.99, 0.79, float("nan")],
        }
    )
    result = rounded_table("state_occupation", rows, LIMIT)
    assert all(isinstance(result.loc[0, name], Hidden) for name in ("probability", "ci_lower", "ci_upper"))
    assert result.loc[1, ["probability", "ci_lower", "ci_upper"]].tolist() == pytest.approx([0.7, 0.6, 0.8])
    assert isinstance(result.loc[1, "standard_error"], Hidden)
    assert result.loc[2, ["probability", "ci_lower", "ci_upper", "standard_error"]].isna().all()


def test_only_shares_are_rounded_where_a_table_has_other_numbers() -> None:
    rows = pd.DataFrame(
        {
            "unit": ["share", "months"], "n": [40, 40], "value_now": [0.83, 17.3], "lowest": [0.81, 17.1],
            "highest": [0.84, 17.4], "standard_error": [0.05, 0.4],
        }
    )  # fmt: skip
    result = rounded_table("one_more_patient", rows, LIMIT)
    assert result.loc[0, ["value_now", "lowest", "highest"]].tolist() == pytest.approx([0.875, 0.75, 0.875])
    assert result.loc[1, ["value_now", "lowest", "highest", "standard_error"]].tolist() == [
        17.3,
        17.1,
        17.4,
        0.4,
    ]


def test_a_published_rate_is_rounded_in_words_too_and_agreement_does_not_tell_it() -> None:
    card = pd.DataFrame(
        {
            "item": [8, 8, 7, 12], "part": ["a", "b", "a", "c"], "unit": ["%", "%", "months", "%"],
            "n": pd.array([40, 40, 40, 40], dtype="Int64"), "computed": ["83.1 %", "97.5 %", "9.3 months", "61.0 %"],
            "computed_value": [83.1, 97.5, 9.3, 61.0], "ci_lower": [70.2, 90.1, 8.0, 50.0],
            "ci_upper": [91.0, 99.9, 12.0, 70.0], "agrees": pd.array([True, True, True, True], dtype="boolean"),
        }
    )  # fmt: skip
    result = rounded_card(card, LIMIT)
    assert result["computed"].tolist() == ["87.5 %", "hidden", "9.3 months", "61.0 %"]
    assert result["agrees"].tolist() == [None, None, True, True]
    bounds = card.assign(
        headline=["item_8a", "item_8b", "follow_up", "item_12c"],
        lowest=[80.0, 95.0, 9.0, 60.0],
        highest=[84.0, 98.0, 9.5, 62.0],
        n_agreeing=[3, 3, 3, 3],
    )
    shown = rounded_bounds(bounds, card, 40, 60, LIMIT)
    assert shown.loc[0, ["computed_value", "lowest", "highest"]].tolist() == pytest.approx([87.5, 75.0, 87.5])
    assert isinstance(shown.loc[1, "lowest"], Hidden)
    assert shown.loc[2, "lowest"] == 9.0 and shown["n_agreeing"].isna().tolist() == [True, True, False, False]


def test_a_remark_says_no_number_at_risk() -> None:
    assert disclosed_remark("groups at 15 mm; 2 at risk at 36 months", LIMIT) == "Groups at 15 mm"
