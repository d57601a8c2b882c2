"""Estimates without a patient and with one more: against fits of the changed data from nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from registry_pipeline import analysis
from registry_pipeline.analysis.cox import leave_one_out as cox
from registry_pipeline.analysis.growth import leave_one_out as growth
from registry_pipeline.analysis.growth.fit import GrowthFit
from registry_pipeline.analysis.growth.lesions import usable_lesions

COVARIATES = ["is_small", "age", "site"]


def _patients(n: int, seed: int) -> pd.DataFrame:
    """Times in whole weeks, so that deaths are tied, with a factor of three levels and rows without size."""
    random = np.random.default_rng(seed)
    is_small, age = random.integers(0, 2, n).astype(float), random.normal(55, 10, n)
    site = random.choice(["lung", "node", "other"], n, p=[0.5, 0.4, 0.1])
    death = random.exponential(1500 * np.exp(0.8 * is_small - 0.02 * (age - 55)), n)
    censored = random.uniform(200, 2500, n)
    frame = pd.DataFrame(
        {"days": np.ceil(np.minimum(death, censored) / 7) * 7, "died": (death <= censored) * 1}
    )
    frame = frame.assign(is_small=is_small, age=age, site=pd.Categorical(site))
    frame.loc[n - 1, "is_small"] = np.nan
    return frame


def _fit(frame: pd.DataFrame, penalty: str | None = None) -> analysis.CoxFit:
    return analysis.fit_cox(
        frame, "days", "died", COVARIATES, penalty=penalty, cross_check=False, limits=False
    )


def _coefficient(frame: pd.DataFrame, penalty: str | None) -> float:
    return float(_fit(frame, penalty).terms.set_index("term").loc["is_small", "coefficient"])


@pytest.mark.parametrize("penalty", [None, "firth"])
def test_a_refit_without_a_patient_is_the_fit_of_the_data_without_her(penalty: str | None) -> None:
    frame = _patients(50, 3)
    fit = _fit(frame, penalty)
    rows = np.arange(len(fit.data.row))
    result = cox.coefficient_without_each(fit, "is_small", rows)
    assert result is not None and result.is_refit.all()
    anew = [_coefficient(frame.drop(index=fit.data.row[row]), penalty) for row in rows]
    np.testing.assert_allclose(result.coefficient, anew, atol=1e-7)


def test_what_is_not_refitted_is_close_to_the_refit_and_the_refitted_ones_are_those_that_matter_most() -> (
    None
):
    fit = _fit(_patients(300, 5))
    rows = np.arange(len(fit.data.row))
    exact = cox.coefficient_without_each(fit, "is_small", rows, most_refits=len(rows))
    mixed = cox.coefficient_without_each(fit, "is_small", rows, most_refits=20)
    assert exact is not None and mixed is not None and mixed.is_refit.sum() == 20
    error = np.abs(mixed.coefficient - exact.coefficient)
    assert error[mixed.is_refit].max() == 0
    assert 0 < error.max() < 0.02 * exact.standard_error  # of every patient whose share is small
    now = float(fit.terms.set_index("term").loc["is_small", "coefficient"])
    change = np.abs(exact.coefficient - now)
    assert change.argmax() in np.flatnonzero(mixed.is_refit)
    assert exact.standard_error == pytest.approx(
        float(fit.terms.set_index("term").loc["is_small", "standard_error"]), rel=0.15
    )


def test_refits_are_bounded_by_the_cells_that_they_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = _fit(_patients(200, 7))
    assert fit.model is not None
    monkeypatch.setattr(cox, "MOST_CELLS", 3 * fit.model.x.size)
    result = cox.coefficient_without_each(fit, "is_small", np.arange(20))
    assert result is not None and result.is_refit.sum() == 3


@pytest.mark.parametrize("penalty", [None, "firth"])
def test_no_patient_more_moves_the_coefficient_beyond_its_bounds(penalty: str | None) -> None:
    frame = _patients(40, 11)
    low, high = cox.coefficient_with_one_more(_fit(frame, penalty), "is_small") or (0.0, 0.0)
    assert low < _coefficient(frame, penalty) < high
    random, values = np.random.default_rng(1), []
    complete = frame.dropna()
    for _ in range(30):
        more = complete.sample(1, random_state=int(random.integers(1 << 30)))
        died = int(random.integers(0, 2))
        days = frame.loc[frame["died"] == 1, "days"].sample(1, random_state=int(random.integers(1 << 30)))
        more = more.assign(days=float(days.iloc[0]) if died else float(frame["days"].max()), died=died)
        values.append(_coefficient(pd.concat([frame, more], ignore_index=True), penalty))
    slack = 0.03 * (high - low)  # the farthest patient is found by the score that she adds
    assert low - slack <= min(values) and max(values) <= high + slack
    assert max(values) - min(values) > 0.3 * (high - low)


def test_a_term_without_estimate_has_neither() -> None:
    frame = _patients(40, 13).assign(is_small=1.0)
    fit = _fit(frame)
    assert cox.coefficient_without_each(fit, "is_small", np.arange(5)) is None
    assert cox.coefficient_with_one_more(fit, "is_small") is None


def _lesions(n: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    months = random.uniform(2, 12, n)
    size = 15 * np.exp(0.12 * (months - 6)) + random.normal(0, 2, n)
    return pd.DataFrame({"months": months, "mm": size, "patient": random.integers(0, max(n // 2, 1), n)})


def _grown(frame: pd.DataFrame, model: str, error: str) -> GrowthFit:
    return analysis.fit_growth(frame, "months", "mm", model, error, "patient", n_bootstrap=0)


@pytest.mark.parametrize(
    ("model", "error"), [("exponential", "additive"), ("power", "log"), ("linear", "additive")]
)
def test_months_without_a_patient_are_those_of_the_lesions_of_others(model: str, error: str) -> None:
    frame = _lesions(60, 17)
    fit, lesions = _grown(frame, model, error), usable_lesions(frame, "months", "mm", "patient")
    patients = np.arange(lesions.n_patients or 0)
    exact = growth.months_without_each(fit, lesions, patients)
    stepped = growth.months_without_each(fit, lesions, patients, most_refits=0)
    assert exact is not None and stepped is not None
    assert exact.is_refit.all() and not stepped.is_refit.any()
    names = pd.factorize(frame["patient"])[1]
    anew = [
        float(_grown(frame[frame["patient"] != name], model, error).threshold["months"].iloc[0])
        for name in names
    ]
    np.testing.assert_allclose(exact.months, anew, atol=1e-6)
    assert np.abs(stepped.months - exact.months).max() < 0.1 * exact.standard_error


def test_no_lesion_more_moves_the_months_beyond_their_bounds() -> None:
    frame = _lesions(40, 19)
    fit, lesions = _grown(frame, "exponential", "additive"), usable_lesions(frame, "months", "mm", "patient")
    low, high = growth.months_with_one_more(fit, lesions) or (0.0, 0.0)
    random = np.random.default_rng(2)
    for _ in range(20):
        month, size = (
            float(random.uniform(frame[name].min(), frame[name].max())) for name in ("months", "mm")
        )
        more = pd.DataFrame({"months": [month], "mm": [size], "patient": [99]})
        months = _grown(pd.concat([frame, more]), "exponential", "additive").threshold["months"].iloc[0]
        assert low - 1e-6 <= months <= high + 1e-6


def test_a_single_patient_or_no_curve_has_no_influence() -> None:
    frame = _lesions(30, 23).assign(patient=1)
    fit, lesions = _grown(frame, "exponential", "additive"), usable_lesions(frame, "months", "mm", "patient")
    assert growth.months_without_each(fit, lesions, np.arange(1)) is None
    flat = frame.assign(mm=10.0)
    nothing = _grown(flat, "exponential", "additive")
    assert growth.months_with_one_more(nothing, usable_lesions(flat, "months", "mm", "patient")) is None
