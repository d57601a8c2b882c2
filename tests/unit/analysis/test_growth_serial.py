"""Growth of lesions measured more than once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from registry_pipeline.analysis.growth.serial import fit_growth_mixed, lesion_growth_rates

pytestmark = pytest.mark.filterwarnings("error")


def series(n: int = 40, seed: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for lesion in range(n):
        level, rate = np.log(8) + 0.3 * rng.normal(), 0.12 + 0.04 * rng.normal()
        for month in np.sort(rng.uniform(0, 12, 4)):
            rows.append(
                (f"L{lesion}", f"P{lesion // 2}", month, np.exp(level + rate * month + 0.05 * rng.normal()))
            )
    return pd.DataFrame(rows, columns=["lesion_id", "patient_id", "months", "diameter_mm"])


def test_rate_is_the_slope_of_log_diameter():
    frame = pd.DataFrame(
        {
            "lesion_id": ["a", "a", "b", "c", "c", "d", "d", "d"],
            "months": [0, 3, 1, 0, 4, 2, 2, 2],
            "diameter_mm": [5.0, 10, 8, 12, 6, 5, 5, 6],
        }
    )
    table = lesion_growth_rates(frame).set_index("lesion_id")
    assert table.loc["a", "rate_per_month"] == pytest.approx(np.log(2) / 3)
    assert table.loc["a", "volume_doubling_days"] == pytest.approx(30.4375)
    assert np.isnan(table.loc["a", "standard_error"])
    assert table.loc["c", "rate_per_month"] < 0
    assert np.isnan(table.loc["c", "volume_doubling_days"])
    assert list(table.loc[["b", "d"], "status"]) == ["not_estimable"] * 2


def test_mixed_model_recovers_the_truth():
    fit = fit_growth_mixed(series(), patient="patient_id")
    found = fit.parameters.set_index("parameter")["estimate"]
    assert fit.status == "ok"
    assert found["rate_per_month"] == pytest.approx(0.12, abs=0.02)
    assert found["rate_per_month_sd"] == pytest.approx(0.04, rel=0.35)
    assert set(fit.parameters["n_patients"]) == {20}


def test_mixed_model_does_not_depend_on_the_time_origin():
    one = fit_growth_mixed(series()).parameters.set_index("parameter")
    frame = series()
    other = fit_growth_mixed(frame.assign(months=frame["months"] + 2000)).parameters.set_index("parameter")
    for name in ("rate_per_month", "rate_per_month_sd"):
        assert one.loc[name, "estimate"] == pytest.approx(other.loc[name, "estimate"], rel=1e-3)
    assert one.loc["rate_per_month", "standard_error"] == pytest.approx(
        other.loc["rate_per_month", "standard_error"], rel=1e-3
    )


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_too_few_series_get_a_sentence(rows):
    fit = fit_growth_mixed(series().head(rows))
    assert fit.status == "not_estimable"
    assert "too few" in fit.note
    assert fit.parameters["estimate"].isna().all()


@pytest.mark.parametrize("unit", [1.0, 1e-3, 1e3])
@pytest.mark.parametrize("sizes", [(10.0, 10.0, 10.0), (7.0, 7.0, 7.0), (8.0, 11.0, 8.0), (13.0, 9.0, 13.0)])
def test_a_lesion_that_stays_as_it_is_has_no_doubling_time(sizes: tuple[float, ...], unit: float) -> None:
    """Neither growth nor shrinkage is made of the rounding of floats."""
    for start in (0.1, 0.7, 3.3):
        months = [start, start + 2.2 * unit, start + 4.4 * unit]
        frame = pd.DataFrame({"lesion_id": "A", "months": months, "diameter_mm": sizes})
        (row,) = lesion_growth_rates(frame).to_dict("records")
        assert (row["rate_per_month"], row["note"]) == (0.0, "does not grow: no doubling time")
        assert np.isnan(row["volume_doubling_days"])
