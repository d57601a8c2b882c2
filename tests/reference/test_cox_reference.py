"""Cox models against R survival: coefficients, likelihoods, concordance, proportional hazards, robust errors.

R stops when the likelihood changes by less than 1e-9 relatively, so its own coefficients are good to about 1e-6.
"""

from __future__ import annotations

import numpy as np
import pytest

from registry_pipeline.analysis import fit_cox
from tests.reference.gold import SURVIVAL, assert_agree, gold, inputs

BAR = 1e-6
TERM = {
    "coefficient": "coef",
    "standard_error": "se",
    "hazard_ratio": "hr",
    "ci_lower": "hr_lower",
    "ci_upper": "hr_upper",
}


def covariates(name):
    return [term["term"] for term in gold(name)["cox_multi"]["terms"]]


def compare(fit, expected):
    assert fit.status == "ok"
    assert "second engine" not in fit.note
    terms, row = fit.terms.set_index("term"), fit.summary.iloc[0]
    for want in expected["terms"]:
        found = terms.loc[want["term"]]
        assert found["status"] == ("not_estimable" if want["coef"] is None else "ok")
        for ours, theirs in TERM.items():
            value = None if want["coef"] is None else want[theirs]
            assert_agree(found[ours], value, BAR, f"{ours} of {want['term']}")
        assert_agree(found["p_value"], want["p"], 1e-5, "p")
    for ours, theirs in zip(("log_likelihood_null", "log_likelihood"), expected["loglik"], strict=True):
        assert_agree(row[ours], theirs, BAR, ours)
    assert_agree(row["likelihood_ratio_p_value"], expected["lr_test"][2], 1e-5, "likelihood-ratio p")
    assert_agree(row["concordance"], expected["concordance"], 1e-10, "concordance")
    assert_agree(row["concordance_se"], expected["concordance_se"], 1e-8, "standard error of the concordance")
    assert (row["n"], row["n_event"]) == (expected["n"], expected["nevent"])


@pytest.mark.parametrize("name", SURVIVAL)
def test_univariable(name):
    for variable, expected in gold(name)["cox_uni"].items():
        compare(fit_cox(inputs(name), "time", "event", [variable], cross_check=False), expected)


@pytest.mark.parametrize("name", SURVIVAL)
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("cox_multi", {}),
        ("cox_multi_breslow", {"ties": "breslow"}),
        ("cox_strata", {"strata": "strat"}),
    ],
)
def test_multivariable(name, kind, options):
    compare(fit_cox(inputs(name), "time", "event", covariates(name), **options), gold(name)[kind])


@pytest.mark.parametrize("name", SURVIVAL)
def test_proportional_hazards(name):
    fit = fit_cox(inputs(name), "time", "event", covariates(name), cross_check=False)
    for expected in gold(name)["cox_zph"]:
        found = fit.ph_test(expected["transform"]).set_index("term")
        for want in expected["table"]:
            assert_agree(found.loc[want["term"], "chi_square"], want["chisq"], 1e-5, want["term"])
            assert_agree(found.loc[want["term"], "p_value"], want["p"], 1e-5, want["term"])
            assert found.loc[want["term"], "degrees_of_freedom"] == want["df"]


@pytest.mark.parametrize("name", SURVIVAL)
def test_robust_standard_errors(name):
    frame = inputs(name).assign(patient=lambda f: np.arange(len(f)))
    fit = fit_cox(frame, "time", "event", covariates(name), cluster="patient", cross_check=False)
    sandwich = np.sqrt(np.diag(fit.estimates.sandwich))
    for found, want in zip(sandwich, gold(name)["cox_multi_robust_se"], strict=True):
        assert_agree(found, want, BAR, "robust standard error")


def test_left_truncation():
    compare(
        fit_cox(inputs("channing_lt"), "time", "event", ["g2"], entry="entry"), gold("channing_lt")["cox"]
    )
