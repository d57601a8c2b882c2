"""The growth curves of one reading per lesion."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from registry_pipeline.analysis.distributions import exact_proportion_ci, wilson_ci
from registry_pipeline.analysis.growth.bands import growth_bands
from registry_pipeline.analysis.growth.fit import ERROR_MODELS, MODELS, STATUSES, fit_growth, fit_growth_all
from registry_pipeline.analysis.growth.forms import FORMS, diameter
from registry_pipeline.analysis.growth.onset import fit_interval_onset
from registry_pipeline.analysis.growth.sensitivity import growth_influence, growth_sensitivity
from registry_pipeline.analysis.growth.share_small import clustered_proportion_ci, share_by_interval
from registry_pipeline.analysis.growth.surveillance import plan_surveillance

pytestmark = pytest.mark.filterwarnings("error")


def lesions(n: int = 80, seed: int = 3, noise: float = 0.3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    months = rng.uniform(2, 18, n)
    diameters = 15 * np.exp(0.12 * (months - 7) + noise * rng.normal(size=n))
    return pd.DataFrame({"patient_id": rng.integers(0, n // 2, n), "months": months, "mm": diameters})


def value(fit, parameter: str) -> float:
    return float(fit.parameters.set_index("parameter").loc[parameter, "estimate"])


def test_noise_free_data_give_the_truth_back():
    frame = lesions(noise=0.0)
    for error in ERROR_MODELS:
        fit = fit_growth(frame, "months", "mm", "exponential", error)
        assert fit.status == "ok"
        assert value(fit, "threshold_months") == pytest.approx(7, rel=1e-8)
        assert value(fit, "rate_per_month") == pytest.approx(0.12, rel=1e-8)


@pytest.mark.parametrize("model", ["gompertz", "logistic", "von_bertalanffy"])
def test_a_plateau_is_found_where_the_data_show_it(model):
    rng = np.random.default_rng(5)
    months = rng.uniform(0.5, 40, 300)
    truth = {"gompertz": (8.0, 0.15, 0.12), "logistic": (8.0, 0.3, 0.3), "von_bertalanffy": (8.0, 1.2, 0.08)}
    clean = diameter(FORMS[model], months, np.array([truth[model]]), 15.0)[0][0]
    frame = pd.DataFrame({"x": months, "y": np.maximum(clean + rng.normal(0, 0.8, 300), 0.5)})
    fit = fit_growth(frame, "x", "y", model, "additive")
    assert fit.status == "ok"
    assert fit.estimates == pytest.approx(truth[model], rel=0.12)
    plateau = {"gompertz": 15 * np.exp(0.15 / 0.12), "logistic": 50.0, "von_bertalanffy": 15 + 1.2 / 0.08}
    assert value(fit, "plateau_mm") == pytest.approx(plateau[model], rel=0.1)
    row = fit.parameters.set_index("parameter").loc["plateau_mm"]
    assert 0 < row["standard_error"] < 5


@pytest.mark.parametrize("model", ["gompertz", "logistic", "von_bertalanffy"])
def test_no_plateau_is_said_and_not_printed_at_its_bound(model):
    fit = fit_growth(lesions(), "months", "mm", model, "log")
    assert fit.status == "not_identifiable"
    assert "plateau" in fit.note
    assert np.isnan(value(fit, "plateau_mm"))


@pytest.mark.parametrize("model", MODELS)
def test_derivatives_are_those_of_the_curve(model):
    form, months = FORMS[model], np.array([0.5, 3.0, 9.0])
    theta = np.array([1.5, 0.2, 0.1])[: form.n_parameters]
    _, jacobian = diameter(form, months, theta[None], 15.0)
    for j in range(form.n_parameters):
        step = np.zeros(form.n_parameters)
        step[j] = 1e-6
        difference = diameter(form, months, (theta + step)[None], 15.0)[0]
        difference = (difference - diameter(form, months, (theta - step)[None], 15.0)[0]) / 2e-6
        assert jacobian[0, :, j] == pytest.approx(difference[0], rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("shape", [1e-9, -1e-9, 1e-5])
@pytest.mark.parametrize("model", ["gompertz", "logistic", "von_bertalanffy"])
def test_a_form_meets_the_one_it_contains(model, shape):
    form, months = FORMS[model], np.array([0.1, 5.0, 30.0])
    full = diameter(form, months, np.array([[6.0, 0.3, shape]]), 15.0)[0]
    nested = diameter(FORMS[form.nested], months, np.array([[6.0, 0.3]]), 15.0)[0]
    assert full == pytest.approx(nested, rel=2e-2 if abs(shape) > 1e-8 else 1e-5)


def test_linear_model_agrees_with_ordinary_least_squares_and_fieller():
    """For a line with additive error the profile interval of t* is Fieller's, which has a closed form."""
    from scipy.stats import t

    frame = lesions()
    x, y, n = frame["months"].to_numpy(), frame["mm"].to_numpy(), len(frame)
    slope, intercept = np.polyfit(x, y, 1)
    residual = y - intercept - slope * x
    s2 = residual @ residual / (n - 2)
    sxx = ((x - x.mean()) ** 2).sum()
    q = t.ppf(0.975, n - 2) ** 2 * s2
    gap = 15 - y.mean()
    a, b, c = slope**2 - q / sxx, -2 * gap * slope, gap**2 - q / n
    expected = x.mean() + np.sort(np.roots([a, b, c]))
    fit = fit_growth(frame, "months", "mm", "linear", "additive")
    row = fit.threshold.iloc[0]
    assert row["months"] == pytest.approx((15 - intercept) / slope, rel=1e-9)
    assert (row["ci_lower"], row["ci_upper"]) == pytest.approx(tuple(expected), rel=1e-6)
    assert fit.residual_sd == pytest.approx(np.sqrt(s2), rel=1e-10)


def test_aicc_of_the_error_models_is_comparable():
    """The log model's likelihood is that of the diameter in mm: the lognormal density, not the normal of the log."""
    from scipy.stats import lognorm, norm

    frame = lesions()
    n = len(frame)
    for error in ERROR_MODELS:
        fit = fit_growth(frame, "months", "mm", "exponential", error)
        curve = diameter(FORMS["exponential"], frame["months"].to_numpy(), fit.estimates[None], 15.0)[0][0]
        sd = np.sqrt(fit.rss / n)
        density = (
            lognorm.logpdf(frame["mm"], sd, scale=curve)
            if error == "log"
            else norm.logpdf(frame["mm"], curve, sd)
        )
        assert fit.log_likelihood == pytest.approx(density.sum(), rel=1e-12)
        assert fit.aicc == pytest.approx(6 - 2 * density.sum() + 24 / (n - 4), rel=1e-12)


def test_bootstrap_is_over_patients_and_repeats_with_its_seed():
    frame = lesions()
    first = fit_growth(frame, "months", "mm", "exponential", "log", "patient_id", n_bootstrap=200, seed=1)
    again = fit_growth(frame, "months", "mm", "exponential", "log", "patient_id", n_bootstrap=200, seed=1)
    other = fit_growth(frame, "months", "mm", "exponential", "log", "patient_id", n_bootstrap=200, seed=2)
    assert first.threshold.equals(again.threshold)
    assert not first.threshold.equals(other.threshold)
    assert list(first.threshold["ci_method"]) == ["profile", "cluster_bootstrap"]
    tripled = pd.concat([frame] * 3)  # three identical lesions of a patient are one lesion's information
    naive = fit_growth(tripled, "months", "mm", "exponential", "log", "patient_id", n_bootstrap=200, seed=1)
    width = (naive.threshold["ci_upper"] - naive.threshold["ci_lower"]).to_numpy()
    single = (first.threshold["ci_upper"] - first.threshold["ci_lower"]).to_numpy()
    assert width[0] == pytest.approx(single[0] / np.sqrt(3), rel=0.1)
    assert width[1] == pytest.approx(single[1], rel=0.02)


def test_one_patient_has_no_bootstrap_interval():
    frame = lesions(20).assign(patient_id="A")
    fit = fit_growth(frame, "months", "mm", "exponential", "log", "patient_id", n_bootstrap=50)
    assert fit.status == "ok"
    assert np.isnan(fit.threshold["ci_lower"].iloc[1])
    assert np.isfinite(fit.threshold["ci_lower"].iloc[0])


def test_rows_without_interval_or_diameter_are_counted():
    frame = pd.concat(
        [
            lesions(20),
            pd.DataFrame({"patient_id": 1, "months": [None, 0, -3, 4, 5, 6], "mm": [9.0, 9, 9, None, 0, -2]}),
        ]
    )
    fit = fit_growth(frame, "months", "mm")
    counts = dict(fit.excluded.itertuples(index=False))
    assert counts == {
        "interval missing": 1,
        "interval not positive": 2,
        "diameter missing": 1,
        "diameter not positive": 2,
    }
    assert set(fit.parameters["n_lesions"]) == {20}
    assert "6 lesions left out" in fit.note


@pytest.mark.parametrize(
    ("months", "mm", "says"),
    [
        ([], [], "0 usable lesions"),
        ([5.0], [12.0], "1 usable lesion;"),
        ([5.0] * 6, [8.0, 9, 10, 11, 12, 20], "1 distinct interval;"),
        ([1.0, 2, 3, 4], [12.0] * 4, "all diameters are equal"),
        ([1.0, 2, 3, 4, 5], [30.0, 24, 20, 15, 11], "does not rise"),
    ],
)
def test_data_that_cannot_carry_a_fit_get_a_sentence(months, mm, says):
    for model in ("exponential", "power", "linear"):
        fit = fit_growth(pd.DataFrame({"x": months, "y": mm}, dtype=float), "x", "y", model, "log")
        assert fit.status == "not_estimable"
        assert not fit.converged
        assert says in fit.note
        assert fit.parameters["estimate"].isna().all()
        assert fit.threshold[["months", "ci_lower", "ci_upper"]].isna().all(axis=None)


def test_a_power_curve_that_met_the_threshold_at_no_time_gets_a_sentence():
    months = np.arange(1.0, 9.0)
    frame = pd.DataFrame({"x": months, "y": 24 * months**1e-4})  # 15 mm at exp(-4700) months
    fit = fit_growth(frame, "x", "y", "power", "log")
    assert (fit.status, fit.converged) == ("not_estimable", False)
    assert "does not rise" in fit.note


def test_extrapolation_is_flagged():
    frame = lesions()
    assert bool(fit_growth(frame, "months", "mm", threshold_mm=500.0).threshold["is_extrapolated"].iloc[0])
    assert not bool(fit_growth(frame, "months", "mm").threshold["is_extrapolated"].iloc[0])


def test_implied_doubling_time_is_that_of_a_sphere():
    fit = fit_growth(lesions(noise=0.0), "months", "mm")
    assert fit.threshold["implied_doubling_days"].iloc[0] == pytest.approx(np.log(2) / 0.36 * 30.4375)


def test_polars_and_pandas_give_the_same():
    frame = lesions()
    one = fit_growth(frame, "months", "mm", "power", "log", "patient_id", n_bootstrap=20)
    two = fit_growth(pl.from_pandas(frame), "months", "mm", "power", "log", "patient_id", n_bootstrap=20)
    assert one.parameters.equals(two.parameters)
    assert one.threshold.equals(two.threshold)


def test_all_forms_in_two_tables():
    parameters, threshold = fit_growth_all(lesions(), "months", "mm", "patient_id")
    pairs = {(m, e) for m in MODELS for e in ERROR_MODELS}
    assert set(zip(threshold["model"], threshold["error_model"], strict=True)) == pairs
    assert set(zip(parameters["model"], parameters["error_model"], strict=True)) == pairs
    assert set(threshold["ci_method"]) == {"profile"}


def test_wrong_names_are_refused():
    with pytest.raises(ValueError, match="exponential"):
        fit_growth(lesions(), "months", "mm", "cubic")
    with pytest.raises(ValueError, match="column 'size' is not in the frame"):
        fit_growth(lesions(), "months", "size")
    with pytest.raises(ValueError, match="threshold_mm must be a finite number greater than 0"):
        fit_growth(lesions(), "months", "mm", threshold_mm=0)


_number = st.one_of(st.none(), st.floats(-5, 60), st.sampled_from([np.nan, 0.0, 5.0, 15.0, 1e300, np.inf]))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(_number, _number), max_size=12),
    model=st.sampled_from(MODELS),
    error=st.sampled_from(ERROR_MODELS),
)
@example(rows=[(1.0, 1.0), (1.0, 0.5), (2.0, 1.0)], model="exponential", error="additive")  # no limit far out
def test_any_frame_gives_a_status_and_no_warning(rows, model, error):
    frame = pd.DataFrame(rows, columns=["x", "y"], dtype="object").assign(p=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = fit_growth(frame, "x", "y", model, error, "p", n_bootstrap=5)
    assert fit.status in STATUSES
    assert fit.status == "ok" or fit.note
    months = fit.threshold["months"].iloc[0]
    row = fit.threshold.iloc[0]
    assert fit.converged or not np.isfinite(months)
    assert np.isfinite(months) or row["status"] != "ok"
    if np.isfinite([row["ci_lower"], row["ci_upper"]]).all():
        assert row["ci_lower"] <= months <= row["ci_upper"]


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(0.1, 10), seed=st.integers(0, 50))
def test_threshold_time_does_not_depend_on_the_unit_of_length(scale, seed):
    frame = lesions(30, seed)
    one = fit_growth(frame, "months", "mm", "exponential", "log")
    other = fit_growth(frame.assign(mm=frame["mm"] * scale), "months", "mm", "exponential", "log",
                       threshold_mm=15 * scale)  # fmt: skip
    assert one.status == other.status == "ok"
    assert one.threshold["months"].iloc[0] == pytest.approx(other.threshold["months"].iloc[0], rel=1e-6)
    assert one.threshold["ci_upper"].iloc[0] == pytest.approx(other.threshold["ci_upper"].iloc[0], rel=1e-5)


def test_share_by_interval_counts_and_intervals():
    frame = pd.DataFrame({"x": [0.0, 1, 3, 6, 6.1, 12, None, -2], "y": [9, 15, 15.1, 4, 20, 15, 3, 3]})
    table = share_by_interval(frame, "x", "y").set_index("interval_months")
    assert table["n_lesions"].to_dict() == {3.0: 2, 6.0: 3, 12.0: 5}
    assert table["n_small"].to_dict() == {3.0: 1, 6.0: 2, 12.0: 3}


def test_share_of_the_study_has_the_published_interval():
    """19 of 22: 86.4 % (65-97) exact; the Wilson bounds are those of R's prop.test(correct = FALSE)."""
    assert exact_proportion_ci(19, 22) == pytest.approx((0.6508778, 0.9709442), abs=1e-6)
    assert wilson_ci(19, 22) == pytest.approx((0.6666500, 0.9525097), abs=1e-6)
    assert exact_proportion_ci(0, 19) == pytest.approx((0.0, 0.1764669), abs=1e-6)
    assert exact_proportion_ci(5, 5)[1] == 1.0


def test_share_of_nothing_is_null():
    table = share_by_interval(pd.DataFrame({"x": [20.0], "y": [9.0]}), "x", "y")
    assert table["n_lesions"].sum() == 0
    assert table[["share", "ci_lower", "ci_upper", "wilson_lower", "wilson_upper"]].isna().all(axis=None)


@pytest.mark.parametrize("model", ["exponential", "linear", "gompertz"])
@pytest.mark.parametrize("error", ["additive", "log"])
def test_months_before_the_last_negative_ct_are_not_given(model, error):
    rng = np.random.default_rng(4)
    months = rng.uniform(1, 14, 40)
    frame = pd.DataFrame({"p": np.arange(40), "x": months, "y": 40 + 0.8 * months + rng.normal(0, 1, 40)})
    fit = fit_growth(frame, "x", "y", model, error, "p", n_bootstrap=20)
    if fit.converged:
        assert fit.estimates[0] < 0
        assert "above the threshold already at the last negative CT" in fit.note
        assert np.isnan(value(fit, "threshold_months"))
        assert growth_influence(frame, "x", "y", "p", model, error).empty
    assert fit.converged or model == "gompertz"
    numbers = ["months", "ci_lower", "ci_upper", "implied_doubling_days"]
    assert fit.threshold[numbers].isna().all(axis=None)
    assert (fit.threshold["status"] != "ok").all()
    assert (fit.threshold["note"] != "").all()


def test_a_lower_limit_lies_not_before_the_last_negative_ct():
    rng = np.random.default_rng(2)
    months = rng.uniform(1, 14, 12)
    frame = pd.DataFrame({"x": months, "y": 14 + 0.9 * months + rng.normal(0, 3, 12)})
    fit = fit_growth(frame, "x", "y", "linear")
    row = fit.threshold.iloc[0]
    assert row["months"] > 0 and row["ci_lower"] == 0


def _few(n: int, n_patients: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    months = rng.uniform(1, 14, n)
    size = 6 * np.exp(0.1 * months + rng.normal(0, 0.2, n))
    return pd.DataFrame({"p": np.arange(n) % n_patients, "x": months, "y": size})


def _onset(frame: pd.DataFrame):
    return fit_interval_onset(frame, "x", "y", "p", n_bootstrap=10)


def _curve(frame: pd.DataFrame):
    return fit_growth(frame, "x", "y", patient="p", n_bootstrap=10)


@pytest.mark.parametrize("fit", [_onset, _curve])
def test_few_patients_are_said(fit):
    one = fit(_few(30, 1))
    assert one.status == "ok" and "all lesions are of one patient" in one.note
    rows = one.threshold.set_index("ci_method")
    assert np.isnan(rows.loc["cluster_bootstrap", "ci_lower"])
    assert "needs two" in rows.loc["cluster_bootstrap", "note"]
    six = fit(_few(60, 6)).threshold.set_index("ci_method")["note"]
    assert "a bootstrap of 6 patients is unreliable" in six["cluster_bootstrap"]
    assert "bootstrap" not in six["profile"]
    assert "unreliable" not in fit(_few(60, 10)).threshold["note"].iloc[1]


def test_a_profile_without_limits_says_so():
    frame = _few(3, 3)
    for model in ("exponential", "power"):
        row = fit_growth(frame, "x", "y", model).threshold.iloc[0]
        assert row["status"] == "ok"
        assert np.isnan([row["ci_lower"], row["ci_upper"]]).any() == (
            "no lower" in row["note"] or "no upper" in row["note"]
        )
    assert "no lower and no upper limit" in fit_growth(frame, "x", "y").threshold.iloc[0]["note"]


def test_a_profile_with_several_branches_ends_without_an_exception():
    frame = _few(60, 60).assign(y=lambda f: f["y"] * 0.6)
    row = fit_growth(frame, "x", "y", "gompertz").threshold.iloc[0]
    assert row["ci_lower"] < row["months"] < row["ci_upper"]


def test_months_outside_the_lesions_used_are_flagged_in_every_reading():
    frame = _few(60, 60).assign(y=lambda f: f["y"] * 0.6)
    table = growth_sensitivity(frame, "x", "y", "p", longest_interval=6.0).set_index("reading")
    row = table.loc["intervals up to 6 months"]
    assert row["months"] > 6 and row["is_extrapolated"]
    assert "outside the intervals of the lesions used" in row["note"]
    inside = table[table["is_extrapolated"].eq(False)]
    assert len(inside) and not inside["note"].str.contains("outside").any()


def test_the_share_knows_whose_lesions_they_are():
    """Each lesion twice says no more than once: the interval is that of half as many, and a little wider."""
    single = pd.DataFrame({"p": np.arange(20), "x": 4.0, "y": np.where(np.arange(20) < 14, 9.0, 30.0)})
    twice = pd.concat([single, single])
    one, two = (share_by_interval(f, "x", "y", cutoffs=[6], patient="p").iloc[0] for f in (single, twice))
    assert (one["n_patients"], two["n_patients"], two["n_lesions"]) == (20, 20, 40)
    assert two["ci_lower"] > one["ci_lower"]
    assert (
        two["cluster_ci_lower"] < one["ci_lower"] < two["share"] < one["ci_upper"] < two["cluster_ci_upper"]
    )
    assert two["cluster_ci_lower"] == pytest.approx(one["ci_lower"], abs=0.03)
    assert one["note"] == "" and "40 lesions of 20 patients" in two["note"]
    assert one["cluster_ci_lower"] == pytest.approx(one["ci_lower"])
    alone = share_by_interval(twice.assign(p=1), "x", "y", cutoffs=[3, 6], patient="p")
    assert alone["cluster_ci_lower"].isna().all() and "of one patient" in alone["note"].iloc[1]
    unknown = share_by_interval(twice, "x", "y", cutoffs=[6]).iloc[0]
    assert pd.isna(unknown["n_patients"]) and np.isnan(unknown["cluster_ci_upper"])


def test_the_clustered_share_covers_the_truth():
    rng, hits = np.random.default_rng(3), 0
    for _ in range(400):
        size = rng.integers(1, 4, 30)
        owner = np.repeat(np.arange(30), size)
        risk = np.repeat(rng.beta(3.0, 1.0, 30), size)
        lower, upper = clustered_proportion_ci(rng.random(len(owner)) < risk, owner)
        hits += lower <= 0.75 <= upper
    assert 0.93 <= hits / 400 <= 0.99


def test_bands_are_as_wide_as_the_choices_that_the_data_cannot_make():
    frame = lesions(60, 3).assign(owner=lambda f: np.arange(len(f)) // 2)
    table = growth_bands(frame, "months", "mm", "owner", error_model="log", n_bootstrap=150).set_index("band")
    chosen = fit_growth(frame, "months", "mm", "exponential", "log", "owner", n_bootstrap=150)
    forms, limits = table.loc["plausible forms"], table.loc["detection limits"]
    assert forms["status"] == limits["status"] == "ok"
    assert forms["ci_lower"] <= chosen.threshold["ci_lower"].iloc[1]
    assert forms["ci_upper"] >= chosen.threshold["ci_upper"].iloc[1]
    assert forms["lowest_months"] <= forms["averaged_months"] <= forms["highest_months"]
    assert 1 <= forms["n_plausible"] < forms["n_readings"] == 12
    single = [
        fit_interval_onset(frame, "months", "mm", "owner", 15.0, limit).threshold["months"].iloc[0]
        for limit in (3.0, 4.0, 5.0)
    ]
    assert (limits["lowest_months"], limits["highest_months"]) == (min(single), max(single))
    assert limits["ci_lower"] < min(single) and max(single) < limits["ci_upper"]


def test_lesions_that_do_not_grow_have_no_months_and_no_plan():
    """The power form said 0.0 months and a doubling in 0 days of them, and the planner a band without its estimate."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"x": rng.uniform(3, 15, 600), "y": 22 * np.exp(rng.normal(0, 0.4, 600))})
    for form in ("power", "exponential", "linear"):
        fit = fit_growth(frame, "x", "y", form, "additive")
        row = fit.threshold.iloc[0]
        assert row["status"] == "not_estimable", form
        assert row[["months", "ci_lower", "ci_upper", "implied_doubling_days"]].isna().all()
        plan = plan_surveillance(fit)
        assert set(plan["status"]) == {"not_estimable"}
        assert plan["share_small"].isna().all()
        assert plan["note"].str.startswith("No plan: ").all()
