"""Competing risks against R cmprsk and survival."""

from __future__ import annotations

import numpy as np
import pytest

from registry_pipeline.analysis import (
    cause_specific,
    fit_cox,
    fit_fine_gray,
    gray_test,
    landmark_incidence,
    landmark_survival,
)
from tests.reference.gold import COMPETING, assert_agree, gold, inputs

BAR = 1e-10


@pytest.mark.parametrize("name", COMPETING)
@pytest.mark.parametrize(("key", "by"), [("cuminc_overall", None), ("cuminc_by_g2", "g2")])
def test_aalen_johansen_and_its_variance(name, key, by):
    expected = gold(name)
    found = landmark_incidence(inputs(name), "time", "event", expected["landmarks"], by=by)
    for estimate, variance in zip(expected[key]["est"], expected[key]["var"], strict=True):
        group, cause = estimate["_row"].split()
        stratum = "overall" if by is None else group
        rows = found[(found["stratum"] == stratum) & (found["cause"] == int(cause))].set_index("landmark")
        for mark in expected["landmarks"]:
            assert_agree(rows.loc[mark, "incidence"], estimate.get(str(mark)), BAR, f"incidence at {mark}")
            assert_agree(
                rows.loc[mark, "standard_error"] ** 2, variance.get(str(mark)), BAR, f"variance at {mark}"
            )


@pytest.mark.parametrize("name", COMPETING)
def test_states_of_survfit(name):
    # R's survfit gives the infinitesimal jackknife, without cmprsk's correction for ties: close, not equal.
    expected = gold(name)
    found = landmark_incidence(inputs(name), "time", "event", expected["landmarks"])
    states = expected["survfit_multistate"]
    for i, mark in enumerate(expected["landmarks"]):
        for cause in (1, 2):
            row = found[(found["cause"] == cause) & (found["landmark"] == mark)].iloc[0]
            assert_agree(row["incidence"], states["pstate"][i][cause], BAR, f"incidence at {mark}")
            assert_agree(row["standard_error"], states["se"][i][cause], 3e-3, f"standard error at {mark}")


@pytest.mark.parametrize("name", COMPETING)
@pytest.mark.parametrize("by", ["g2", "gk"])
def test_gray(name, by):
    for expected in gold(name)[f"gray_test_{by}"]:
        row = gray_test(inputs(name), "time", "event", by, cause=int(expected["cause"])).iloc[0]
        assert_agree(row["chi_square"], expected["stat"], BAR, "statistic")
        assert row["degrees_of_freedom"] == expected["df"]
        # R computes 1 - pchisq, which loses the digits of small p values.
        assert row["asymptotic_p_value"] == pytest.approx(expected["p"], abs=1e-15, rel=1e-10)


@pytest.mark.parametrize("name", COMPETING)
def test_fine_gray(name):
    expected, row = (
        gold(name)["finegray_g2"],
        fit_fine_gray(inputs(name), "time", "event", ["g2"]).terms.iloc[0],
    )
    for ours, theirs in (("coefficient", "coef"), ("standard_error", "se"), ("p_value", "p")):
        assert_agree(row[ours], expected[theirs], 1e-6, ours)


@pytest.mark.parametrize("name", COMPETING)
def test_cause_specific_cox_and_the_naive_curve(name):
    expected, frame = gold(name), cause_specific(inputs(name), "event")
    term, want = (
        fit_cox(frame, "time", "event", ["g2"]).terms.iloc[0],
        expected["cause_specific_cox_g2"]["terms"][0],
    )
    assert_agree(term["coefficient"], want["coef"], 1e-6, "coefficient")
    assert_agree(term["standard_error"], want["se"], 1e-6, "standard error")
    naive = 1 - landmark_survival(frame, "time", "event", expected["landmarks"])["survival"].to_numpy()
    np.testing.assert_allclose(naive, expected["naive_1minusKM_cause1"], rtol=BAR)
    risk = landmark_incidence(inputs(name), "time", "event", expected["landmarks"]).query("cause == 1")
    assert (naive > risk["incidence"].to_numpy()).all()
