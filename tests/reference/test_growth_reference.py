"""Growth fits against R: nls per animal, and the linear mixed model of nlme, for mouse tumour volumes.

Reference: R 4.2.2, nlme 3.1-162; volumes of Benzekry 2014 and Vaghi 2020. Volume stands in for diameter.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from registry_pipeline.analysis.growth.fit import fit_growth
from registry_pipeline.analysis.growth.serial import fit_growth_mixed, lesion_growth_rates
from tests.support.shared import SHARED, whole_module_needs_shared

whole_module_needs_shared(__name__)
pytestmark = pytest.mark.filterwarnings("error")
THRESHOLD = 300.0
CASES = [(name, animal) for name in ("lung", "breast") for animal in range(8)]


def gold() -> dict:
    return json.loads((SHARED / "reference/gold/growth_nls_nlme.json").read_text())


def volumes(name: str) -> pd.DataFrame:
    return pd.read_csv(SHARED / f"reference/growth/vaghi_{name}_vol_data.txt", sep="\t")


def animal_case(name: str, animal: int, key: str) -> tuple[pd.DataFrame, dict | None]:
    frame = volumes(name)
    for entry in gold()["individual"]:
        if entry["dataset"] == f"vaghi_{name}_vol" and entry["id"] == animal:
            reference = entry.get(key)
            return frame[
                frame["ID"] == animal
            ], None if reference is None or "error" in reference else reference
    raise AssertionError("no such animal in the reference")


@pytest.mark.parametrize(("name", "animal"), CASES)
def test_exponential(name, animal):
    frame, reference = animal_case(name, animal, "exp_log")
    fit = fit_growth(frame, "Time", "Observation", "exponential", "log", threshold_mm=THRESHOLD)
    time, rate = fit.estimates
    errors = fit.parameters.set_index("parameter")["standard_error"]
    assert fit.rss == pytest.approx(reference["rss"], rel=1e-9)
    assert fit.residual_sd == pytest.approx(reference["sigma"], rel=1e-9)
    assert rate == pytest.approx(reference["coef"]["a"], rel=1e-7)
    assert errors["rate_per_month"] == pytest.approx(reference["se"]["a"], rel=1e-6)
    assert np.log(THRESHOLD) - rate * time == pytest.approx(reference["coef"]["lv0"], rel=1e-6)
    log_scale = fit.log_likelihood + np.log(frame["Observation"]).sum()  # R's is of the logarithm
    assert log_scale == pytest.approx(reference["loglik"], rel=1e-9, abs=1e-8)
    rates = lesion_growth_rates(frame, "ID", "Time", "Observation")
    assert rates["rate_per_month"].iloc[0] == pytest.approx(reference["coef"]["a"], rel=1e-7)


@pytest.mark.parametrize(("name", "animal"), CASES)
def test_gompertz(name, animal):
    frame, reference = animal_case(name, animal, "gomp_log")
    fit = fit_growth(frame, "Time", "Observation", "gompertz", "log", threshold_mm=THRESHOLD)
    if reference is None:  # R's nls stopped; ours certifies an optimum or reports nothing
        assert fit.converged or fit.parameters["estimate"].isna().all()
        return
    assert fit.rss == pytest.approx(reference["rss"], rel=1e-8)
    _, rate, deceleration = fit.estimates
    errors = fit.parameters.set_index("parameter")
    assert deceleration == pytest.approx(reference["coef"]["b"], rel=1e-4)
    assert errors.loc["deceleration_per_month", "standard_error"] == pytest.approx(
        reference["se"]["b"], rel=1e-4
    )
    assert np.log(THRESHOLD) + rate / deceleration == pytest.approx(reference["coef"]["lK"], rel=1e-4)
    if fit.status == "ok":
        log_se = errors.loc["plateau_mm", "standard_error"] / errors.loc["plateau_mm", "estimate"]
        assert log_se == pytest.approx(reference["se"]["lK"], rel=1e-3)


@pytest.mark.parametrize("animal", range(8))
def test_logistic(animal):
    frame, reference = animal_case("lung", animal, "logis_log")
    fit = fit_growth(frame, "Time", "Observation", "logistic", "log", threshold_mm=THRESHOLD)
    if reference is None:
        assert fit.converged or fit.parameters["estimate"].isna().all()
        return
    assert fit.rss == pytest.approx(reference["rss"], rel=1e-8)
    assert fit.estimates[1] == pytest.approx(reference["coef"]["r"], rel=1e-4)
    assert np.log(THRESHOLD / fit.estimates[2]) == pytest.approx(reference["coef"]["lK"], rel=1e-3)


@pytest.mark.parametrize(("name", "animal"), CASES)
def test_linear_diameter_is_the_two_thirds_power_law_of_volume(name, animal):
    """dV/dt ~ V^(2/3) is a straight line in the diameter; R fitted 3 log(c0 + g t) with c0 >= 1e-6."""
    frame, reference = animal_case(name, animal, "power23_log")
    frame = frame.assign(diameter=frame["Observation"] ** (1 / 3))
    fit = fit_growth(frame, "Time", "diameter", "linear", "log", threshold_mm=THRESHOLD ** (1 / 3))
    if reference["coef"]["c0"] <= 1e-6:  # R stopped at its bound; ours has none, and fits at least as well
        assert 9 * fit.rss <= reference["rss"]
        assert "below zero" in fit.note
        return
    assert 9 * fit.rss == pytest.approx(reference["rss"], rel=1e-8)
    assert fit.estimates[1] == pytest.approx(reference["coef"]["g"], rel=1e-5)


def test_mixed_model():
    reference = gold()["lme_lung_exponential"]
    fit = fit_growth_mixed(volumes("lung"), "ID", "Time", "Observation")
    found = fit.parameters.set_index("parameter")
    assert fit.log_likelihood == pytest.approx(reference["loglik"], abs=1e-5)
    for ours, theirs in (("log_diameter_at_zero", "(Intercept)"), ("rate_per_month", "Time")):
        assert found.loc[ours, "estimate"] == pytest.approx(reference["fixef"][theirs], rel=1e-5)
        se = reference["se"]["int" if "int" in reference["se"] else theirs]
        assert found.loc[ours, "standard_error"] == pytest.approx(se, rel=1e-4)
    assert found.loc["log_diameter_at_zero_sd", "estimate"] == pytest.approx(
        reference["sd_re"]["int"], rel=1e-4
    )
    assert found.loc["rate_per_month_sd", "estimate"] == pytest.approx(reference["sd_re"]["slope"], rel=1e-4)
    assert found.loc["correlation", "estimate"] == pytest.approx(reference["corr"], abs=1e-3)
    assert found["residual_sd"].iloc[0] == pytest.approx(reference["sigma"], rel=1e-5)


def test_seed_cohort_reaches_fifteen_millimetres_at_the_published_time():
    lesions = pd.read_csv(SHARED / "cohort/synthetic_seed_lesions.csv")
    columns = ("months_since_last_negative_ct", "diameter_mm")
    fit = fit_growth(lesions, *columns, "exponential", "additive", "patient_id")
    row = fit.threshold.iloc[0]
    assert (fit.parameters["n_lesions"].iloc[0], fit.parameters["n_patients"].iloc[0]) == (83, 56)
    assert row["months"] == pytest.approx(5.78, abs=0.005)
    assert (row["ci_lower"], row["ci_upper"]) == pytest.approx((4.2, 7.06), abs=0.01)
    assert fit.threshold["ci_method"].tolist() == ["profile", "cluster_bootstrap"]
