"""Every public function on every kind of data that can bear little or nothing.

Each must give tables whose rows say what they are worth: no warning, nothing printed, no infinite estimate, no
number in a row whose status is not ok, no probability outside 0 and 1, no limits that leave out their estimate.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from registry_pipeline import analysis
from registry_pipeline.analysis.times import Times
from registry_pipeline.study.headlines import headline_bounds

pytestmark = pytest.mark.filterwarnings("error")
N = 24


def usual(seed: int = 0, n: int = N) -> pd.DataFrame:
    """Patients, or lesions, with everything that any function asks for."""
    rng = np.random.default_rng(seed)
    time = np.ceil(rng.exponential(400, n)) + 1
    gap = rng.uniform(1, 14, n)
    return pd.DataFrame(
        {
            "time": time,
            "event": (rng.random(n) < 0.6).astype(int),
            "code": rng.integers(0, 3, n),
            "entry": np.floor(time * rng.random(n) * 0.5),
            "x": rng.normal(size=n),
            "y": rng.normal(size=n),
            "group": rng.choice(["a", "b"], n),
            "stratum": rng.choice(["s", "t"], n),
            "patient": [f"P{i // 2}" for i in range(n)],
            "lesion": [f"L{i // 3}" for i in range(n)],
            "gap": gap,
            "size": 8
            * np.exp(0.09 * gap + rng.normal(0, 0.1, n)),  # lesions that do not grow take many times as long
            "month": rng.uniform(0, 12, n),
            "kind": rng.choice(["local_recurrence", "new_oligomet"], n),
        }
    )


def changed(**columns: Any) -> pd.DataFrame:
    return usual().assign(**columns)


ONE_EVENT = np.array([0, 0, 1] + [0] * (N - 3))
BAD = {
    "no patients": usual().head(0),
    "one patient": usual().head(1),
    "one patient who died": usual().head(1).assign(event=1, code=1),
    "no events": changed(event=0, code=0),
    "one event": changed(event=ONE_EVENT, code=ONE_EVENT),
    "only competing events": changed(event=0, code=2),
    "all censored at zero": changed(time=0.0, event=0, code=0, entry=-1.0),
    "all dead at zero": changed(time=0.0, event=1, code=1, entry=-1.0),
    "a constant covariate": changed(x=2.0),
    "collinear covariates": changed(y=lambda f: 3 - 2 * f["x"]),
    "a group of one": changed(group=["a"] + ["b"] * (N - 1)),
    "a stratum of one": changed(stratum=["s"] + ["t"] * (N - 1)),
    "only one group": changed(group="a", stratum="s"),
    "ties everywhere": changed(time=30.0, entry=0.0),
    "everybody dies on one day": changed(time=30.0, event=1, code=1, entry=0.0),
    "nothing known": changed(x=np.nan, group=None, gap=np.nan, size=np.nan, month=np.nan),
    "separation": changed(event=lambda f: (f["x"] > 0).astype(int), code=lambda f: (f["x"] > 0).astype(int)),
    "no lesion with a negative CT": changed(gap=np.nan),
    "no interval after the negative CT": changed(gap=0.0),
    "all lesions of one patient": changed(patient="P1", lesion="L1"),
    "all lesions alike": changed(gap=6.0, size=12.0, month=3.0),
    "lesions that shrink": changed(size=lambda f: 30 - 2 * f["gap"]),
    "absurd readings": changed(x=lambda f: f["x"] * 1e150, size=1e300, gap=1e-300),
}
END = ("time", "event")
COMPETING = ("time", "code")
GROWTH = ("gap", "size")
BEYOND = 1e6


def _bootstrap(f: pd.DataFrame) -> Any:
    return analysis.bootstrap_concordance(f, *END, ["x", "y"], n_bootstrap=5)


def _concordance(f: pd.DataFrame) -> Any:
    times = Times(f["time"].to_numpy(float), f["event"].to_numpy(np.int64))
    found = analysis.concordance(times, np.nan_to_num(f["x"].to_numpy(float)))
    row = {"concordance": found.estimate, "ci_lower": found.limits()[0], "ci_upper": found.limits()[1]}
    return pd.DataFrame([row])


def _cox(**options: Any) -> Any:
    def fit(f: pd.DataFrame) -> Any:
        made = analysis.fit_cox(f, *END, ["x", "y"], **options)
        return [made.terms, made.summary, made.ph_test(), made.influence(), made.schoenfeld]

    return fit


INTERVALS = ("patient", "start", "stop", "state", "next_state")


def _course(f: pd.DataFrame) -> pd.DataFrame:
    """The course of each patient, with a state entered half-way by every second of them."""
    own = f.assign(who=range(len(f)), half=np.floor(f["time"] / 2).where(np.arange(len(f)) % 2 == 0))
    return analysis.course_intervals(own, "who", *END, {"recurred": "half"}, "treated")


def _plain(f: pd.DataFrame) -> Any:
    return analysis.fit_cox(f, *END, ["x", "y"], cross_check=False)


def _of_fit(function: Any) -> Any:
    return lambda f: function(_plain(f))


def _bounds(f: pd.DataFrame) -> Any:
    value = float("nan") if f.empty else 0.5
    row = {
        "item": 1,
        "part": "a",
        "description": "d",
        "unit": "share",
        "computed_value": value,
        "agrees": None,
    }
    return headline_bounds(pd.DataFrame([row]), {"other": pd.DataFrame([row])})


def _imputed(f: pd.DataFrame) -> Any:
    holes = f.assign(x=f["x"].where(np.arange(len(f)) % 5 > 0))
    fit = analysis.fit_cox_imputed(holes, *END, ["x", "y"], n_imputations=2, n_cycles=1)
    return [fit.terms, fit.summary]


def _growth(model: str) -> Any:
    def fit(f: pd.DataFrame) -> Any:
        made = analysis.fit_growth(f, *GROWTH, model, "log", "patient", n_bootstrap=5)
        return [made.parameters, made.threshold, analysis.plan_surveillance(made, n_draws=50)]

    return fit


def _planned(f: pd.DataFrame) -> Any:
    made = analysis.fit_growth(f, *GROWTH, "power", "additive")
    return analysis.plan_surveillance(made, n_draws=50)


def _onset(f: pd.DataFrame) -> Any:
    made = analysis.fit_interval_onset(f, *GROWTH, "patient")
    return [made.parameters, made.threshold, analysis.plan_surveillance(made, n_draws=50)]


def _fine_gray(f: pd.DataFrame) -> Any:
    fit = analysis.fit_fine_gray(f, *COMPETING, ["x", "y"])
    return [fit.terms, fit.summary]


def _spline(f: pd.DataFrame) -> Any:
    fit = analysis.fit_size_spline(f, *END, "x")
    return [pd.DataFrame([{"status": fit.status, "note": fit.note}]), fit.tests]


def _reported(f: pd.DataFrame) -> Any:
    return [
        table for fit in analysis.fit_cox_reported(f, *END, ["x", "y"]) for table in (fit.terms, fit.summary)
    ]


CALLS: dict[str, Any] = {
    "bootstrap_concordance": _bootstrap,
    "cause_specific": lambda f: analysis.cause_specific(f, "code"),
    "clustered_incidence": lambda f: analysis.clustered_incidence(
        f, *COMPETING, "patient", [300, BEYOND], "group"
    ),
    "clustered_survival": lambda f: analysis.clustered_survival(f, *END, "patient", [300, BEYOND], "group"),
    "concordance": _concordance,
    "cumulative_incidence": lambda f: analysis.cumulative_incidence(f, *COMPETING, "group"),
    "cutpoint_stability": lambda f: analysis.cutpoint_stability(f, *END, "x", n_bootstrap=5),
    "describe_cohort": lambda f: analysis.describe_cohort(f, ["x", "kind"], "group"),
    "events_label": lambda f: pd.DataFrame([{"label": analysis.events_label(len(f) / 3)}]),
    "exact_proportion_ci": lambda f: _proportion(f, analysis.exact_proportion_ci),
    "exact_rate_ci": lambda f: _rate(f),
    "false_discovery_p": lambda f: pd.DataFrame({"p_value": analysis.false_discovery_p(f["x"].abs() % 1)}),
    "fit_shared_frailty": lambda f: analysis.fit_shared_frailty(f, *END, "patient", ["x"]).summary,
    "facility_funnel": lambda f: analysis.facility_funnel(f, *END, "stratum", ["x"]),
    "heterogeneity": lambda f: analysis.heterogeneity(f["y"], f["time"].abs() / 400),
    "leave_one_facility_out": lambda f: analysis.leave_one_facility_out(
        f, "stratum", lambda part: {"mean": float(part["time"].mean()) if len(part) else math.nan}
    ),
    "course_intervals": lambda f: _course(f),
    "state_occupation": lambda f: analysis.state_occupation(_course(f), *INTERVALS, [300, BEYOND]),
    "time_in_state": lambda f: analysis.time_in_state(_course(f), *INTERVALS, 300.0),
    "factor_tests": _of_fit(analysis.factor_tests),
    "baseline_hazard": _of_fit(analysis.baseline_hazard),
    "predict_survival": lambda f: analysis.predict_survival(_plain(f), f, [300, BEYOND]),
    "standardised_survival": lambda f: (
        analysis.standardised_survival(
            analysis.fit_cox(f, *END, ["x", "group"], cross_check=False), "group", [300, BEYOND]
        )
        if f["group"].notna().any()
        else analysis.factor_tests(_plain(f))
    ),
    "calibration": lambda f: analysis.calibration(_plain(f), [300, BEYOND]),
    "prediction_accuracy": lambda f: analysis.prediction_accuracy(
        f, *END, ["x", "y"], [300, BEYOND], n_bootstrap=3
    ),
    "wilson_ci": lambda f: _proportion(f, analysis.wilson_ci),
    "fit_cause_specific": lambda f: analysis.fit_cause_specific(f, *COMPETING, ["x", "y"]).terms,
    "fit_cox": _cox(),
    "fit_cox, clusters": _cox(cluster="patient", cross_check=False),
    "fit_cox, strata": _cox(strata="stratum", cross_check=False),
    "fit_cox, entry": _cox(entry="entry", cross_check=False),
    "fit_cox, firth": _cox(penalty="firth"),
    "fit_cox_imputed": _imputed,
    "fit_cox_reported": _reported,
    "fit_fine_gray": _fine_gray,
    "fit_growth": _growth("exponential"),
    "fit_growth, gompertz": _growth("gompertz"),
    "fit_growth_all": lambda f: analysis.fit_growth_all(f, *GROWTH, "patient")[1],
    "fit_growth_mixed": lambda f: analysis.fit_growth_mixed(f, "lesion", "month", "size").parameters,
    "fit_interval_onset": _onset,
    "fit_size_spline": _spline,
    "follow_up": lambda f: [analysis.follow_up(f, *END), analysis.follow_up(f, *END, "observed")],
    "gray_test": lambda f: analysis.gray_test(f, *COMPETING, "group"),
    "growth_bands": lambda f: analysis.growth_bands(f, *GROWTH, "patient", n_bootstrap=5),
    "growth_influence": lambda f: analysis.growth_influence(f, *GROWTH, "patient"),
    "growth_sensitivity": lambda f: analysis.growth_sensitivity(f, *GROWTH, "patient"),
    "headline_bounds": _bounds,
    "immortal_time": lambda f: analysis.immortal_time(f, *END, "entry", [300, BEYOND], "group"),
    "influence_by_patient": lambda f: analysis.influence_by_patient(
        analysis.fit_cox(f, *END, ["x", "y"], cross_check=False), f["patient"]
    ),
    "kaplan_meier": lambda f: analysis.kaplan_meier(f, *END, "group"),
    "landmark_analysis": lambda f: analysis.landmark_analysis(f, *END, [0, 200, BEYOND], 100, "group"),
    "landmark_incidence": lambda f: analysis.landmark_incidence(f, *COMPETING, [300, BEYOND], "group"),
    "landmark_survival": lambda f: analysis.landmark_survival(f, *END, [0, 300, BEYOND], "group"),
    "lesion_growth_rates": lambda f: analysis.lesion_growth_rates(f, "lesion", "month", "size"),
    "logrank_groups": lambda f: analysis.logrank_groups(f, *END, "group"),
    "logrank_test": lambda f: [
        analysis.logrank_test(f, *END, "group", strata, weighting)
        for strata in (None, "stratum")
        for weighting in (None, "peto", ("fleming-harrington", 0.5, 0.5))
    ],
    "median_survival": lambda f: analysis.median_survival(f, *END, "group"),
    "missing_counts": lambda f: analysis.missing_counts(f, ["x", "group"]),
    "missing_patterns": lambda f: analysis.missing_patterns(f, ["x", "group"]),
    "plan_surveillance": _planned,
    "pool_rubin": lambda f: pd.DataFrame(
        dataclasses.asdict(analysis.pool_rubin(np.ones((3, 2)), np.full((3, 2), float(len(f) + 1)), 50.0))
    ),
    "recurrence_patterns": lambda f: analysis.recurrence_patterns(
        f.assign(who=range(len(f))), len(f), patient="who", event_type="kind", time="time"
    ),
    "restricted_mean": lambda f: [analysis.restricted_mean(f, *END, tau, "group") for tau in (100, BEYOND)],
    "restricted_mean_difference": lambda f: analysis.restricted_mean_difference(f, *END, 100, "group"),
    "search_cost": lambda f: analysis.search_cost(f, *END, "x", n_permutations=20),
    "select_cutpoint": lambda f: analysis.select_cutpoint(f, *END, "x"),
    "share_by_interval": lambda f: analysis.share_by_interval(f, *GROWTH),
    "spline_basis": lambda f: pd.DataFrame(
        analysis.spline_basis(f["time"].to_numpy(float), [100, 200, 300]), columns=["x", "bend"]
    ),
}
ELSEWHERE = {"CoxFit"}  # a result, not a function
ONLY_LIMITS_MAY_BE_INFINITE = ("ci_", "_lower", "_upper")
SHARES = ("survival", "incidence", "share", "p_value", "concordance", "fraction_missing")
ESTIMATES = (
    "coefficient", "hazard_ratio", "standard_error", "estimate", "survival", "incidence", "median_months",
    "cutpoint", "statistic", "chi_square", "p_value", "months", "months_without", "share", "share_small",
    "log_likelihood", "concordance_corrected", "rate_per_month", "permutation_p_value", "ci_lower", "ci_upper",
)  # fmt: skip


def _proportion(f: pd.DataFrame, limits: Any) -> pd.DataFrame:
    lower, upper = limits(int(f["event"].sum()), len(f))
    return pd.DataFrame(
        [{"share": f["event"].mean() if len(f) else math.nan, "ci_lower": lower, "ci_upper": upper}]
    )


def _rate(f: pd.DataFrame) -> pd.DataFrame:
    lower, upper = analysis.exact_rate_ci(int(f["event"].sum()), float(f["time"].sum()))
    return pd.DataFrame([{"ci_lower": lower, "ci_upper": upper}])


def tables_of(result: Any) -> Iterator[pd.DataFrame]:
    for one in result if isinstance(result, list | tuple) else [result]:
        assert isinstance(one, pd.DataFrame)
        yield one


def assert_means_something(table: pd.DataFrame) -> None:
    numeric = table.select_dtypes("number")
    for name in numeric:
        if not (
            name.startswith(ONLY_LIMITS_MAY_BE_INFINITE[0]) or name.endswith(ONLY_LIMITS_MAY_BE_INFINITE[1:])
        ):
            assert not np.isinf(numeric[name].to_numpy(float)).any(), f"{name} is infinite"
        if name.startswith(SHARES) and not name.endswith("days"):
            known = numeric[name].dropna().to_numpy(float)
            assert ((known >= -1e-12) & (known <= 1 + 1e-12)).all(), f"{name} is no share"
    if "status" in table:
        assert_status_holds(table)
    for centre in ("survival", "incidence", "hazard_ratio", "estimate", "share", "months"):
        if {centre, "ci_lower", "ci_upper"} <= set(table):
            assert_limits_hold(table, centre)


def assert_status_holds(table: pd.DataFrame) -> None:
    for row in table.to_dict("records"):
        assert row["status"] in {"ok", "not_estimable", "not_converged", "not_identifiable"}
        shown = [name for name in ESTIMATES if name in row and isinstance(row[name], float)]
        finite = [name for name in shown if math.isfinite(row[name])]
        if row["status"] == "not_estimable" and "definition" in row:
            finite = [name for name in finite if name != "ci_lower"]  # a median not reached has a lower limit
        if row["status"] in {"not_estimable", "not_converged"}:
            assert not finite or finite == ["months"], (
                row["status"],
                finite,
            )  # of everybody, beside the refusal
            assert row.get("note") or row.get("assumption"), row["status"]
        elif not finite and shown:
            assert row.get("note") or row.get("assumption"), "ok without a number or a word"


def assert_limits_hold(table: pd.DataFrame, centre: str) -> None:
    known = table[[centre, "ci_lower", "ci_upper"]].astype(float).dropna()
    slack = 1e-9 * (1 + known[centre].abs())
    assert (known["ci_lower"] <= known[centre] + slack).all() and (
        known[centre] <= known["ci_upper"] + slack
    ).all()


LESION_CALLS = {
    "fit_growth", "fit_growth, gompertz", "fit_growth_all", "fit_growth_mixed", "fit_interval_onset",
    "growth_bands", "growth_influence", "growth_sensitivity", "lesion_growth_rates", "plan_surveillance", "share_by_interval",
}  # fmt: skip


def test_every_public_function_is_here():
    assert {name.split(",")[0] for name in CALLS} | ELSEWHERE >= set(analysis.__all__) - KNOWN_ELSEWHERE


KNOWN_ELSEWHERE = {"PreparedFrame", "coefficient_over_time", "growth_curve"}


# Lesion functions do not read the columns that spoil survival, and the other way round.
OF_LESIONS = {
    "no lesion with a negative CT", "no interval after the negative CT", "all lesions of one patient",
    "all lesions alike", "lesions that shrink",
}  # fmt: skip
OF_ALL = {"no patients", "one patient", "nothing known", "absurd readings"}
SLOW = {"fit_growth_all", "growth_bands", "growth_sensitivity"}
CASES = [
    (call, name)
    for call in CALLS
    for name in BAD
    if name in OF_ALL
    or (
        call in LESION_CALLS
        and name in OF_LESIONS
        and not (call in SLOW and name in {"all lesions alike", "lesions that shrink"})
    )
    or (call not in LESION_CALLS and (name not in OF_LESIONS or name == "all lesions of one patient"))
]


@pytest.mark.parametrize(("call", "name"), CASES)
def test_bad_input_gives_a_status_and_a_sentence(call, name, capfd):
    frame = BAD[name]
    if (call in {"immortal_time", "fit_cox, entry"}) and (frame["entry"] < 0).any():
        frame = frame.assign(entry=-1.0)
    try:
        tables = tables_of(CALLS[call](frame))
    except ValueError as refusal:
        assert name == "absurd readings" and str(refusal).endswith("give it in another unit")
        tables = []
    for table in tables:
        assert_means_something(table)
    assert capfd.readouterr() == ("", "")


SURVIVAL_CALLS = sorted(
    set(CALLS)
    - {
        "cause_specific", "concordance", "describe_cohort", "events_label",
        "exact_proportion_ci", "exact_rate_ci", "false_discovery_p", "wilson_ci", "fit_growth", "fit_growth, gompertz", "fit_growth_all",
        "fit_growth_mixed", "fit_interval_onset", "growth_bands", "growth_influence", "growth_sensitivity",
        "headline_bounds",
        "lesion_growth_rates", "missing_counts", "missing_patterns", "plan_surveillance", "pool_rubin",
        "recurrence_patterns", "share_by_interval", "spline_basis", "heterogeneity", "leave_one_facility_out",
    }
)  # fmt: skip


@pytest.mark.parametrize("call", SURVIVAL_CALLS)
def test_negative_durations_are_refused_and_counted(call):
    frame = usual()
    frame.loc[[3, 7], "time"] = -5.0
    frame["entry"] = -10.0
    with pytest.raises(ValueError, match=r"column 'time': 2 rows are negative"):
        CALLS[call](frame)


def test_the_usual_frame_gives_numbers():
    """Otherwise the checks above would pass on functions that never estimate anything."""
    frame = usual(1, 120)
    estimable = [
        name for name in CALLS
        if name not in SLOW
        and any("status" in table and (table["status"] == "ok").any() for table in tables_of(CALLS[name](frame)))
    ]  # fmt: skip
    assert len(estimable) >= 30
