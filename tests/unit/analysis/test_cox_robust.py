"""Limits for few clusters: the shares of the information, the correction, what it leaves alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from registry_pipeline.analysis import fit_cox
from registry_pipeline.analysis.cox import robust as cox_robust
from registry_pipeline.analysis.growth.intervals import expanded_tails


def lesions(n: int = 30, seed: int = 1) -> pd.DataFrame:
    """n patients of two lesions; times without ties."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"patient": np.repeat(np.arange(n), 2), "x": rng.normal(size=2 * n)})
    frame["z"] = np.repeat(rng.normal(size=n), 2)
    frame["days"] = rng.exponential(100 * np.exp(-0.4 * frame["x"]))
    return frame.assign(event=(rng.random(2 * n) < 0.7).astype(int))


def fitted(frame: pd.DataFrame):
    return fit_cox(frame, "days", "event", ["x", "z"], cluster="patient", cross_check=False)


def test_the_information_is_split_over_clusters_without_a_rest():
    frame = lesions()
    model = fitted(frame).model
    parts = cox_robust._information_by_cluster(
        model.sets, model.x, model.evaluation, frame["patient"].to_numpy(), 30
    )
    np.testing.assert_allclose(parts.sum(axis=0), model.evaluation.information, rtol=1e-9)
    assert np.linalg.eigvalsh(parts).min() > -1e-9


def test_the_standard_error_shown_belongs_to_the_limits_and_is_wider_than_the_sandwich():
    fit = fitted(lesions())
    found = fit.estimates
    half = (found.upper - found.lower) / 2
    plain = np.sqrt(np.diag(found.sandwich)) * t.ppf(0.975, 28)
    assert np.all(half > plain) and np.all(half < 1.3 * plain)
    np.testing.assert_allclose(half, fit.terms["standard_error"] * t.ppf(0.975, 28), rtol=1e-12)
    np.testing.assert_allclose((found.upper + found.lower) / 2, found.beta, rtol=1e-12)
    assert "Mancl-DeRouen" in fit.note


def test_a_limit_at_one_has_p_five_per_cent():
    found = fitted(lesions()).estimates
    covariance = np.diag((found.upper - found.lower) / 2 / t.ppf(0.975, 28)) ** 2
    p_value = cox_robust.robust_wald(found.upper - found.beta, covariance, 30, 0.95)[2]
    np.testing.assert_allclose(p_value, 0.05, rtol=1e-9)


def test_units_do_not_matter():
    frame = lesions()
    small, large = fitted(frame).estimates, fitted(frame.assign(x=frame["x"] * 1e3)).estimates
    np.testing.assert_allclose(large.lower[0] * 1e3, small.lower[0], rtol=1e-6)
    np.testing.assert_allclose(large.p_value, small.p_value, rtol=1e-6)


def test_many_clusters_need_no_correction(monkeypatch):
    monkeypatch.setattr(cox_robust, "MANY_CLUSTERS", 30)
    fit = fitted(lesions())
    half = np.sqrt(np.diag(fit.estimates.covariance)) * t.ppf(0.975, 28)
    np.testing.assert_allclose(fit.estimates.upper - fit.estimates.beta, half, rtol=1e-12)
    assert "Mancl-DeRouen" not in fit.note


@pytest.mark.parametrize("n", [2, 20, 56])
def test_percentiles_are_widened_for_few_clusters(n):
    low, high = expanded_tails(0.95, n)
    assert 0 < low < 0.025 and low + high == pytest.approx(1)
    assert expanded_tails(0.95, 100_000)[0] == pytest.approx(0.025, abs=1e-5)
