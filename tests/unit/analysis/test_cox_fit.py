"""What `fit_cox` reports and what it refuses, in which words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from registry_pipeline.analysis import (
    bootstrap_concordance,
    exact_proportion_ci,
    fit_cox,
    fit_size_spline,
    spline_basis,
)
from registry_pipeline.analysis.cox import cross_check
from registry_pipeline.analysis.cox.cross_check import cross_check_note
from registry_pipeline.analysis.cox.firth import FirthProblem, penalised
from registry_pipeline.analysis.cox.likelihood import evaluate
from tests.unit.analysis.brute import BAD_FRAMES, bad_frame, random_frame
from tests.unit.analysis.test_cox_engine import sets_of

NUMBERS = ["coefficient", "standard_error", "hazard_ratio", "ci_lower", "ci_upper", "p_value"]
NAMES = ["x0", "x1"]
pytestmark = pytest.mark.filterwarnings("error")


def cohort(seed=1, n=56):
    """Fifty-six patients, a supraclavicular group without events."""
    frame = random_frame(seed, n=n, p=3)
    frame["site"] = np.where(np.arange(n) % 3 == 0, "scf", "lung")
    frame.loc[frame["site"] == "scf", "event"] = 0
    return frame


@pytest.mark.parametrize("name", BAD_FRAMES)
@pytest.mark.parametrize("covariates", [["x"], ["group"], ["x", "group"]])
@pytest.mark.parametrize("options", [{}, {"strata": "group"}, {"cluster": "group"}, {"penalty": "firth"}])
def test_bad_data_give_a_status_and_a_sentence(name, covariates, options, capfd):
    fit = fit_cox(bad_frame(name), "time", "event", covariates, **options)
    assert fit.status in ("ok", "not_estimable", "not_converged")
    for row in fit.terms.to_dict("records"):
        known = [np.isfinite(row[key]) for key in NUMBERS]
        assert all(known) if row["status"] == "ok" and fit.method != "firth" else True
        if row["status"] != "ok":
            assert not any(known) and row["note"].endswith(".")
    if fit.status != "ok":
        assert fit.note.endswith(".")
        assert (
            fit.summary[["log_likelihood", "log_likelihood_null", "concordance", "ph_p_value"]]
            .isna()
            .all(axis=None)
        )
    fit.ph_test("rank"), fit.influence(), fit.schoenfeld, fit.covariance
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "name", ["empty", "no events", "one event", "one patient", "all censored at zero", "constant"]
)
def test_hopeless_data_are_refused(name):
    assert fit_cox(bad_frame(name), "time", "event", ["x"]).status == "not_estimable"


def test_polars_and_pandas_agree():
    frame = cohort()
    one = fit_cox(frame, "time", "event", ["x0", "stratum"])
    two = fit_cox(pl.from_pandas(frame), "time", "event", ["x0", "stratum"])
    pd.testing.assert_frame_equal(one.terms, two.terms)


def test_group_without_events():
    frame = cohort()
    plain = fit_cox(frame, "time", "event", ["site", "x0"])
    assert plain.status == "not_estimable"
    assert "site[scf]" in plain.note and "firth" in plain.note
    assert plain.terms[NUMBERS].isna().all(axis=None)
    firth = fit_cox(frame, "time", "event", ["site", "x0"], penalty="firth")
    row = firth.terms.set_index("term").loc["site[scf]"]
    assert firth.status == row["status"] == "ok" and row["method"] == "firth"
    assert 0 < row["ci_lower"] < row["hazard_ratio"] < row["ci_upper"] < 1
    assert row["p_value"] < 0.001 and row["reference_level"] == "lung"
    assert exact_proportion_ci(0, int((frame["site"] == "scf").sum()))[1] == pytest.approx(0.1765, abs=1e-3)


def test_firth_gradient_is_the_slope_of_its_likelihood():
    frame = random_frame(3)
    problem = FirthProblem(sets_of(frame, True, True), frame[NAMES].to_numpy())
    loop = FirthProblem(problem.sets, problem.x)
    loop.dense = None
    beta = np.array([0.3, -0.2])
    point = penalised(problem, beta)
    np.testing.assert_allclose(point.gradient, penalised(loop, beta).gradient, rtol=1e-10)
    for j, step in enumerate(1e-5 * np.eye(2)):
        slope = (penalised(problem, beta + step).value - penalised(problem, beta - step).value) / 2e-5
        assert point.gradient[j] == pytest.approx(slope, rel=1e-6)


def test_firth_approaches_the_plain_fit_when_events_are_many():
    frame = random_frame(6, n=3000)
    plain = fit_cox(frame, "time", "event", NAMES, cross_check=False).terms
    firth = fit_cox(frame, "time", "event", NAMES, penalty="firth").terms
    np.testing.assert_allclose(firth["coefficient"], plain["coefficient"], atol=2e-3)
    np.testing.assert_allclose(firth["ci_upper"], plain["ci_upper"], rtol=5e-3)


def test_firth_limits_and_p_value_agree():
    # Limits and p value come from one profile: 1 is outside the limits exactly when p is below 0.05.
    agreements = []
    for seed in range(12):
        frame = random_frame(seed, n=30)
        frame["b"] = (frame["x1"] > 0).astype(int)
        row = fit_cox(frame, "time", "event", ["b"], penalty="firth").terms.iloc[0]
        agreements.append((row["p_value"] < 0.05) == (row["ci_lower"] > 1 or row["ci_upper"] < 1))
    assert all(agreements)


def test_constant_and_collinear_covariates_are_named():
    frame = random_frame(9).assign(same=1.0, twice=lambda f: 2 * f["x0"] + 3)
    fit = fit_cox(frame, "time", "event", ["x0", "same", "twice", "x1"])
    status = fit.terms.set_index("term")["status"]
    assert status.to_dict() == {
        "x0": "not_estimable",
        "same": "not_estimable",
        "twice": "not_estimable",
        "x1": "ok",
    }
    assert "same does not vary" in fit.note and "x0, twice" in fit.note
    both = fit_cox(frame, "time", "event", ["x0", "twice"])
    assert both.status == "not_estimable"
    kept = fit_cox(frame, "time", "event", ["x0", "x1"]).terms.set_index("term")
    assert fit.terms.set_index("term").loc["x1", "coefficient"] == pytest.approx(
        kept.loc["x1", "coefficient"], rel=1e-7
    )


def test_dummy_columns_and_their_reference():
    frame = random_frame(7, n=120)
    frame["text"] = np.where(frame["x1"] > 0.8, "other", np.where(frame["x1"] > 0, "adeno", "squamous"))
    frame["ordered"] = pd.Categorical(frame["text"], categories=["other", "adeno", "squamous"])
    text = fit_cox(frame, "time", "event", ["text"])
    assert text.terms["term"].tolist() == ["text[adeno]", "text[other]"]
    assert set(text.terms["reference_level"]) == {"squamous"} and "reference squamous" in text.note
    ordered = fit_cox(pl.from_pandas(frame), "time", "event", ["ordered"])
    assert set(fit_cox(frame, "time", "event", ["ordered"]).terms["reference_level"]) == {"other"}
    assert len(ordered.terms) == 2


def test_missing_covariates_are_left_out_and_counted():
    frame = random_frame(1)
    frame.loc[:4, "x0"] = np.nan
    row = fit_cox(frame, "time", "event", ["x0"]).summary.iloc[0]
    assert (row["n"], row["n_missing"]) == (55, 5)


@pytest.mark.parametrize(
    ("covariates", "options", "message"),
    [
        (["x0", "x0"], {}, "named twice: x0"),
        (["x0", "event"], {}, "part of the outcome: event"),
        (["x0"], {"counts": "x1"}, "no whole count"),
        (["x0"], {"penalty": "ridge"}, "penalty"),
        (["x0"], {"ties": "exact"}, "ties"),
    ],
)
def test_wrong_use_is_refused(covariates, options, message):
    with pytest.raises(ValueError, match=message):
        fit_cox(random_frame(0), "time", "event", covariates, **options)


def test_few_events_are_said():
    frame = random_frame(0, n=20, p=4)
    assert "events per variable" in fit_cox(frame, "time", "event", ["x0", "x1", "x2", "x3"]).note


@pytest.mark.parametrize("most", [0, 20_000])
def test_cross_check_speaks_only_when_it_disagrees(monkeypatch, most):
    monkeypatch.setattr(cross_check, "MOST_STATSMODELS", most)
    fit = fit_cox(random_frame(0), "time", "event", NAMES)
    assert "second implementation" not in fit.note
    data, model = fit.data, fit.model
    covariance = np.linalg.inv(model.evaluation.information)
    likelihood = model.evaluation.log_likelihood
    assert cross_check_note(data, model.x, model.scaled_beta, covariance, likelihood) == ""
    error = np.sqrt(np.diag(covariance))
    off = evaluate(model.sets, model.x, model.scaled_beta + error)
    wrong = cross_check_note(data, model.x, model.scaled_beta + error, covariance, off.log_likelihood)
    assert "standard errors away" in wrong
    assert "log-likelihood that differs by -1" in cross_check_note(
        data, model.x, model.scaled_beta, covariance, likelihood + 1
    )


@pytest.mark.parametrize(
    "options", [{}, {"entry": "entry"}, {"strata": "stratum", "entry": "entry", "counts": "count"}]
)
def test_sql_sees_the_score_and_the_information_that_the_fit_has(monkeypatch, options):
    monkeypatch.setattr(cross_check, "MOST_STATSMODELS", 0)
    fit = fit_cox(random_frame(3, n=200, ties=9), "time", "event", NAMES, **options)
    data, model = fit.data, fit.model
    beta, covariance = model.scaled_beta + 0.1, np.linalg.inv(model.evaluation.information)
    expected = evaluate(model.sets, model.x, beta)
    opinion = cross_check._sql(data, model.x, beta, np.linalg.inv(expected.information))
    assert opinion.log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-12)
    np.testing.assert_allclose(opinion.score, expected.score, rtol=1e-10)
    assert opinion.curvature_error < 1e-2
    assert "second implementation" not in fit.note
    note = cross_check_note(
        data, model.x, model.scaled_beta, covariance / 1.1, model.evaluation.log_likelihood
    )
    assert "(SQL) has an information that differs by 0." in note


def test_clusters_of_copies_do_not_make_a_study_larger():
    frame = random_frame(2, n=100).assign(patient=lambda f: np.arange(len(f)))
    single = fit_cox(frame, "time", "event", NAMES, cluster="patient", ties="breslow")
    doubled = fit_cox(pd.concat([frame, frame]), "time", "event", NAMES, cluster="patient", ties="breslow")
    np.testing.assert_allclose(doubled.terms["standard_error"], single.terms["standard_error"], rtol=1e-6)
    few = fit_cox(frame.assign(patient=1), "time", "event", NAMES, cluster="patient")
    assert few.status == "not_estimable" and "clusters" in few.note


def test_interval_of_the_hazard_ratio_has_its_coverage():
    hits = 0
    for seed in range(300):
        row = fit_cox(
            random_frame(seed, n=80, ties=400), "time", "event", ["x0"], cross_check=False
        ).terms.iloc[0]
        hits += row["ci_lower"] <= np.exp(0.5) <= row["ci_upper"]
    assert 0.91 <= hits / 300 <= 0.985  # 0.95 within three standard errors of 300 draws


def test_proportional_hazards_test_keeps_its_level_and_finds_a_crossing():
    rejected = 0
    for seed in range(200):
        fit = fit_cox(random_frame(seed, n=80, ties=400), "time", "event", ["x0"], cross_check=False)
        rejected += fit.ph_test().set_index("term").loc["GLOBAL", "p_value"] < 0.05
    assert rejected / 200 <= 0.1
    rng = np.random.default_rng(0)
    group = np.arange(300) % 2
    time = np.where(group == 1, rng.weibull(3.0, 300), rng.weibull(0.6, 300)) * 300
    crossing = pd.DataFrame({"time": time, "event": 1, "group": group})
    fit = fit_cox(crossing, "time", "event", ["group"])
    assert fit.ph_test().set_index("term").loc["group", "p_value"] < 1e-6
    slope = fit.schoenfeld
    assert slope["group"].head(50).mean() < slope["group"].tail(50).mean()


def test_optimism_of_noise_is_found():
    rng = np.random.default_rng(1)
    frame = random_frame(1, n=56, p=8)
    frame["time"] = rng.permutation(frame["time"])  # nothing predicts
    row = bootstrap_concordance(frame, "time", "event", [f"x{j}" for j in range(8)], n_bootstrap=100).iloc[0]
    assert row["concordance_apparent"] > 0.6
    assert abs(row["concordance_corrected"] - 0.5) < abs(row["concordance_apparent"] - 0.5)
    again = bootstrap_concordance(frame, "time", "event", [f"x{j}" for j in range(8)], n_bootstrap=100).iloc[
        0
    ]
    assert row.equals(again)
    assert (
        bootstrap_concordance(bad_frame("constant"), "time", "event", ["x"])["status"].item()
        == "not_estimable"
    )


def test_spline_basis_is_linear_outside_its_knots_and_smooth_inside():
    knots = [5.0, 15.0, 30.0, 45.0]
    x = np.array([-20.0, -10.0, 0.0, 5.0, 60.0, 70.0, 80.0])
    basis = spline_basis(x, knots)
    np.testing.assert_allclose(basis[:4, 1:], 0.0)
    np.testing.assert_allclose(np.diff(basis[4:], n=2, axis=0), 0.0, atol=1e-9)
    with pytest.raises(ValueError, match="increasing"):
        spline_basis(x, [1.0, 1.0, 2.0])


def test_size_spline_finds_a_bend_and_no_bend():
    rng = np.random.default_rng(2)
    size = rng.uniform(5, 40, 600)
    frame = pd.DataFrame({"size": size, "event": 1})
    straight = frame.assign(time=rng.exponential(1000 * np.exp(-0.05 * size)))
    bent = frame.assign(time=rng.exponential(1000 * np.exp(-((size - 22) ** 2) / 60)))
    p_straight, p_bent = (
        fit_size_spline(data, "time", "event", "size").tests.set_index("test").loc["nonlinearity", "p_value"]
        for data in (straight, bent)
    )
    assert p_straight > 0.05 and p_bent < 1e-6
    fit = fit_size_spline(straight, "time", "event", "size", reference=15.0)
    at = fit.curve.set_index("value")
    assert at.loc[15.0, "log_hazard_ratio"] == 0 and len(fit.knots) == 3
    slope = at["log_hazard_ratio"].iloc[-1] / (at.index[-1] - 15.0)
    assert slope == pytest.approx(0.05, abs=0.015)
    assert fit_size_spline(bad_frame("constant"), "time", "event", "x").status == "not_estimable"


@pytest.mark.slow
def test_a_million_rows():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(10**6, 5))
    beta = np.array([0.3, -0.2, 0.0, 0.1, 0.5])
    time, end = np.ceil(rng.exponential(1000 * np.exp(-x @ beta))), rng.integers(1, 4000, 10**6)
    frame = pd.DataFrame(x, columns=list("abcde")).assign(time=np.minimum(time, end), event=time <= end)
    fit = fit_cox(frame, "time", "event", list("abcde"))
    assert fit.status == "ok" and "second implementation" not in fit.note
    assert (np.abs(fit.terms["coefficient"] - beta) < 5 * fit.terms["standard_error"]).all()
