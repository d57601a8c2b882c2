"""The Cox likelihood, its search and its residuals against slow and obvious versions."""

from __future__ import annotations

import numpy as np
import pytest

from registry_pipeline.analysis import concordance, fit_cox
from registry_pipeline.analysis.cox.likelihood import evaluate
from registry_pipeline.analysis.cox.newton import is_ascent_to_infinity, scaled_score, split_columns
from registry_pipeline.analysis.cox.proportional_hazards import score_residuals
from registry_pipeline.analysis.cox.risk_sets import build_risk_sets
from registry_pipeline.analysis.times import check_times
from tests.unit.analysis.brute import efron_log_likelihood, pair_concordance, random_frame

NAMES = ["x0", "x1"]
KINDS = [(False, False), (True, False), (False, True), (True, True)]


def sets_of(frame, entry, strata, ties="efron", dense=True):
    times = check_times(frame, "time", "event", "entry" if entry else None)
    stratum = frame["stratum"].to_numpy() if strata else np.zeros(len(frame), dtype=int)
    sets = build_risk_sets(times, stratum, np.ones(len(frame)), ties)
    if not dense:
        object.__setattr__(sets, "indicator", None)
    return sets


@pytest.mark.parametrize(("entry", "strata"), KINDS)
@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_likelihood_score_and_information(entry, strata, dense, seed):
    frame, beta = random_frame(seed), np.array([0.4, -0.7])
    sets, x = sets_of(frame, entry, strata, dense=dense), frame[NAMES].to_numpy()
    found = evaluate(sets, x, beta)
    value = efron_log_likelihood(frame, NAMES, beta, entry, strata)
    assert found.log_likelihood == pytest.approx(value, rel=1e-12)
    step = 1e-5 * np.eye(2)
    for j in range(2):
        up = efron_log_likelihood(frame, NAMES, beta + step[j], entry, strata)
        down = efron_log_likelihood(frame, NAMES, beta - step[j], entry, strata)
        assert found.score[j] == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-7)
        slope = (evaluate(sets, x, beta + step[j]).score - evaluate(sets, x, beta - step[j]).score) / 2e-5
        np.testing.assert_allclose(-slope, found.information[j], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("entry", "strata"), KINDS)
def test_score_residuals_add_up_to_the_score(entry, strata):
    frame = random_frame(11)
    sets, x = sets_of(frame, entry, strata), frame[NAMES].to_numpy()
    found = evaluate(sets, x, np.array([0.3, 0.1]))
    np.testing.assert_allclose(score_residuals(sets, x, found).sum(axis=0), found.score, atol=1e-10)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("options", [{}, {"entry": "entry"}, {"strata": "stratum"}])
def test_counts_are_repeated_rows(ties, options):
    frame = random_frame(5, n=80)
    repeated = frame.loc[frame.index.repeat(frame["count"])]
    by_count = fit_cox(frame, "time", "event", NAMES, counts="count", ties=ties, **options)
    by_row = fit_cox(repeated, "time", "event", NAMES, ties=ties, **options)
    numbers = ["coefficient", "standard_error", "p_value"]
    np.testing.assert_allclose(
        by_count.terms[numbers].astype(float), by_row.terms[numbers].astype(float), rtol=1e-8
    )
    columns = ["n", "n_event", "log_likelihood", "concordance", "concordance_se", "ph_p_value"]
    np.testing.assert_allclose(
        by_count.summary[columns].astype(float), by_row.summary[columns].astype(float), rtol=1e-7
    )


@pytest.mark.parametrize(("entry", "strata"), KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_concordance_pair_by_pair(entry, strata, seed):
    frame = random_frame(seed)
    score = np.round(frame["x0"].to_numpy(), 1)  # ties in the score too
    times = check_times(frame, "time", "event", "entry" if entry else None)
    found = concordance(times, score, frame["stratum"].to_numpy() if strata else None)
    assert found.estimate == pytest.approx(pair_concordance(frame, score, entry, strata), abs=1e-12)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_units_of_a_covariate_do_not_matter(scale):
    frame = random_frame(2)
    plain = fit_cox(frame, "time", "event", NAMES, cross_check=False)
    scaled = fit_cox(
        frame.assign(x0=frame["x0"] * scale + 1e3 * scale), "time", "event", NAMES, cross_check=False
    )
    assert scaled.status == "ok"
    assert scaled.terms["coefficient"][0] * scale == pytest.approx(plain.terms["coefficient"][0], rel=1e-8)
    assert scaled.terms["p_value"][0] == pytest.approx(plain.terms["p_value"][0], rel=1e-6)


def test_influence_predicts_what_leaving_a_row_out_does():
    frame = random_frame(8, n=200)
    fit = fit_cox(frame, "time", "event", NAMES, cross_check=False)
    influence = fit.influence().set_index("row")
    row = int(influence["x0"].abs().idxmax())
    without = fit_cox(frame.drop(index=row), "time", "event", NAMES, cross_check=False)
    change = fit.terms["coefficient"][0] - without.terms["coefficient"][0]
    assert influence.loc[row, "x0"] == pytest.approx(change, rel=0.35)
    np.testing.assert_allclose(influence.sum(), 0, atol=1e-8)


def test_heavy_tails_are_certified_where_the_cross_check_is_lost():
    rng = np.random.default_rng(4)
    frame = random_frame(4, n=150)
    frame["x0"] = np.exp(3.5 * rng.normal(size=150))
    fit = fit_cox(frame, "time", "event", ["x0"])
    assert fit.status == "ok"
    assert scaled_score(fit.model.evaluation) <= 1e-9
    row = fit.summary.iloc[0]
    assert row["log_likelihood"] >= row["log_likelihood_null"]


def test_direction_to_infinity():
    frame = random_frame(1)
    sets = sets_of(frame, False, False)
    oracle = -frame["time"].to_numpy()[:, None] + 0.0
    assert is_ascent_to_infinity(sets, oracle, np.array([1.0]))
    assert not is_ascent_to_infinity(sets, oracle, np.array([-1.0]))
    assert not is_ascent_to_infinity(sets, frame[["x1"]].to_numpy(), np.array([1.0]))


def test_columns_are_sorted_into_constant_collinear_and_kept():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    columns = np.column_stack([x[:, 0], np.zeros(200), x[:, 1], x[:, 0] + x[:, 1], x[:, 2]])
    constant, collinear, kept = split_columns(columns.T @ columns)
    assert constant.tolist() == [False, True, False, False, False]
    assert collinear.tolist() == [True, False, True, True, False]
    assert kept.tolist() == [True, False, True, False, True]
