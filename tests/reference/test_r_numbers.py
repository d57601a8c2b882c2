"""Every estimate against R's numbers, on data that travel: what lifelines ships, and what arithmetic makes.

The numbers lie in `numbers/`; the scripts that wrote them in `r/`, run by `make reference` where R is. R stops a Cox fit
when the likelihood changes by less than it was told, and `nls` likewise: bars are as wide as that, and no wider.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from registry_pipeline import analysis
from registry_pipeline.analysis.survival.gray import gray_scores, group_curves
from registry_pipeline.analysis.times import check_groups, check_times
from tests.reference import data_sets

NUMBERS = Path(__file__).parent / "numbers"
END = ("time", "event")
Values = Iterator[tuple[str, float, float]]  # R's name of a quantity, ours, and the relative bar
EXACT, COX, SEARCHED = 1e-9, 1e-6, 1e-4
GROUPINGS = {
    "lung": ("ecog", "sex", 700, (180, 365, 730)), "gbsg2": ("grade", "hormone", 2000, (365, 1000, 2000)),
    "larynx": ("stage", None, 6, (1, 3, 6)), "registry": ("facility", "group", 730, (180, 365, 1000)),
}  # fmt: skip
COVARIATES = {
    "lung": ["age", "sex", "ecog"], "gbsg2": ["age", "nodes", "size", "grade", "hormone"], "larynx": ["age", "stage"],
    "registry": ["x", "group"],
}  # fmt: skip


@cache
def frame(name: str) -> pd.DataFrame:
    """The data R used, levels in R's order."""
    data = data_sets.DATA_SETS[name]()
    for column in ("ecog", "grade", "hormone", "stage", "group", "facility"):
        if column in data:
            data[column] = pd.Categorical(data[column], sorted(data[column].unique()))
    return data


@cache
def numbers(script: str) -> dict[str, float]:
    """What a script wrote."""
    return {
        key: math.nan if v is None else v
        for key, v in json.loads((NUMBERS / f"{script}.json").read_text()).items()
    }


def curve(prefix: str, rows: pd.DataFrame) -> Values:
    for row in rows.to_dict("records"):
        for name, column in (("survival", "survival"), ("lower", "ci_lower"), ("upper", "ci_upper")):
            yield f"{prefix}.{row['landmark']:g}.{name}", row[column], EXACT


def curves() -> Values:
    for name, (_, _, tau, at) in GROUPINGS.items():
        data = frame(name)
        for kind in ("log-log", "log", "plain"):
            yield from curve(
                f"{name}.km.{kind}", analysis.landmark_survival(data, *END, at, ci_transform=kind)
            )
        yield from curve(f"{name}.km90", analysis.landmark_survival(data, *END, at, level=0.9))
        for key, table in (
            ("median", analysis.median_survival(data, *END)),
            ("reverse", analysis.median_survival(data.assign(event=1 - data["event"]), *END)),
        ):
            row = table.iloc[0]
            for part, column in (("median", ""), ("lower", "_lower"), ("upper", "_upper")):
                yield f"{name}.{key}.{part}", row[f"median_duration{column}"], EXACT
        row = analysis.restricted_mean(data, *END, tau).iloc[0]
        yield f"{name}.mean.mean", row["estimate"], EXACT
        yield f"{name}.mean.error", row["standard_error"], EXACT
    data = frame("registry")
    row = analysis.restricted_mean(data, *END, 730, entry="entry").iloc[0]
    yield "registry.mean_entry.mean", row["estimate"], EXACT
    yield "registry.mean_entry.error", row["standard_error"], EXACT
    yield from curve(
        "registry.entry", analysis.landmark_survival(data, *END, [180, 365, 1000], entry="entry")
    )


def group_tests() -> Values:
    for name, (by, strata, _, _) in GROUPINGS.items():
        data = frame(name)
        found = {
            "logrank": analysis.logrank_test(data, *END, by, n_permutations=99),
            "peto": analysis.logrank_test(data, *END, by, weighting="peto", n_permutations=99),
        }
        if strata is not None:
            found["stratified"] = analysis.logrank_test(data, *END, by, strata, n_permutations=99)
        for kind, table in found.items():
            yield f"{name}.{kind}.chi_square", table["chi_square"].iloc[0], EXACT
            yield f"{name}.{kind}.p", table["asymptotic_p_value"].iloc[0], EXACT


def causes() -> Values:
    data, at = frame("registry"), (180, 365, 1000)
    rows = analysis.landmark_incidence(data, "first", "cause", at, "group")
    for row in rows.to_dict("records"):
        key = f"registry.incidence.{row['stratum']}.{row['cause']}.{row['landmark']:g}"
        yield f"{key}.estimate", row["incidence"], EXACT
        yield f"{key}.variance", row["standard_error"] ** 2, EXACT
    for key, by in (("gray", "group"), ("gray_facility", "facility")):
        for cause in (1, 2):
            test = analysis.gray_test(data, "first", "cause", by, cause, n_permutations=99)
            yield f"registry.{key}.{cause}.chi_square", test["chi_square"].iloc[0], EXACT
    late = analysis.landmark_incidence(data, "first", "cause", at, entry="entry").query("cause == 1")
    for row in late.to_dict("records"):
        yield f"registry.incidence_entry.{row['landmark']:g}", row["incidence"], EXACT
    times, groups = check_times(data, "first", "cause", "entry", True), check_groups(data, "group", len(data))
    for cause in (1, 2):
        score, _ = gray_scores(group_curves(times, groups.code, 2, cause))
        yield f"registry.gray_entry.{cause}.score", score[1], EXACT


def states() -> Values:
    data = frame("registry")
    entered = data["progressed"].where(data["progressed"] >= 0)
    course = analysis.course_intervals(
        data.assign(entered=entered), "id", *END, {"progressed": "entered"}, "treated"
    )
    columns = ("patient", "start", "stop", "state", "next_state")
    for row in analysis.state_occupation(course, *columns, [180, 365, 1000]).to_dict("records"):
        key = f"registry.state.{row['state']}.{row['landmark']:g}"
        yield f"{key}.probability", row["probability"], EXACT
        yield f"{key}.error", row["standard_error"], EXACT
    for row in analysis.time_in_state(course, *columns, 730).to_dict("records"):
        yield f"registry.time_in_state.{row['state']}", row["mean_time"], EXACT


def exact_limits() -> Values:
    for count, n in ((0, 19), (19, 22), (7, 56)):
        for end, value in zip(("lower", "upper"), analysis.exact_proportion_ci(count, n), strict=True):
            yield f"proportion.{count}.{n}.{end}", value, EXACT
    for count in (0, 3, 17):
        for end, value in zip(("lower", "upper"), analysis.exact_rate_ci(count, 4.5), strict=True):
            yield f"rate.{count}.{end}", value, EXACT
    for i, value in enumerate(analysis.false_discovery_p([0.001, 0.02, 0.021, 0.3, 0.9]), start=1):
        yield f"fdr.{i}", value, EXACT


def r_term(term: str) -> str:
    return term.replace("[", "").replace("]", "")


def model(prefix: str, fit: analysis.CoxFit, is_robust: bool = False) -> Values:
    assert fit.status == "ok" and "second implementation (statsmodels)" not in fit.note
    error = fit.terms["standard_error"]
    if is_robust:
        error = pd.Series(np.sqrt(np.diag(fit.estimates.sandwich)))
    for term, beta, own in zip(fit.terms["term"], fit.terms["coefficient"], error, strict=True):
        yield f"{prefix}.{r_term(term)}.coefficient", beta, COX
        yield f"{prefix}.{r_term(term)}.error", own, COX
    row = fit.summary.iloc[0]
    yield f"{prefix}.log_likelihood_null", row["log_likelihood_null"], COX
    yield f"{prefix}.log_likelihood", row["log_likelihood"], COX
    yield f"{prefix}.concordance", row["concordance"], EXACT
    yield f"{prefix}.concordance_error", row["concordance_se"], 1e-8


def cox_models() -> Values:
    data, both = frame("registry"), ["x", "group"]
    for name, covariates in COVARIATES.items():
        yield from model(name, analysis.fit_cox(frame(name), *END, covariates))
    yield from model("breslow", analysis.fit_cox(data, *END, both, ties="breslow"))
    yield from model("strata", analysis.fit_cox(data, *END, both, strata="facility"))
    yield from model("entry", analysis.fit_cox(data, *END, both, entry="entry"))
    yield from model("cluster", analysis.fit_cox(data, *END, both, cluster="patient"), True)
    yield from model("weighted", analysis.fit_cox(data, *END, both, weights="weight"), True)
    yield from model(
        "weighted_breslow", analysis.fit_cox(data, *END, both, weights="weight", ties="breslow"), True
    )
    yield from model(
        "weighted_cluster", analysis.fit_cox(data, *END, both, weights="weight", cluster="patient"), True
    )


def cox_tests() -> Values:
    for name, covariates in COVARIATES.items():
        fit = analysis.fit_cox(frame(name), *END, covariates, cross_check=False)
        for transform in ("km", "rank", "identity"):
            for row in fit.ph_test(transform).to_dict("records"):
                yield f"{name}.ph.{transform}.{r_term(row['term'])}", row["chi_square"], 1e-5
        for row in analysis.factor_tests(fit).to_dict("records"):
            yield f"{name}.ph_factor.{row['covariate']}", row["ph_chi_square"], 1e-5
            yield f"{name}.ratio.{row['covariate']}", row["likelihood_ratio_chi_square"], 1e-5
            yield f"{name}.wald.{row['covariate']}", row["wald_chi_square"], 1e-5
    fit = analysis.fit_cox(frame("registry"), *END, ["x", "group"], cross_check=False)
    influence = fit.influence().set_index("row")["x"]
    for i in (0, 49, 399):
        yield f"registry.dfbeta.{i}", influence[i], 1e-5
    first = fit.schoenfeld.iloc[0]
    yield "registry.schoenfeld_first", first["x"], 1e-5


def predictions() -> Values:
    rows = pd.DataFrame({"age": [60, 75], "sex": [1, 2], "ecog": ["e0", "e2"]})
    lung, data = frame("lung"), frame("registry")
    fit = analysis.fit_cox(lung, *END, ["age", "sex", "ecog"])
    late = analysis.fit_cox(data, *END, ["x", "group"], entry="entry")
    stratified = analysis.fit_cox(lung, *END, ["age", "ecog"], strata="sex")
    at = [200, 400]
    tables = {
        "lung": analysis.predict_survival(fit, rows, at),
        "entry": analysis.predict_survival(late, pd.DataFrame({"x": [-1, 1], "group": ["a", "b"]}), at),
        "lung_strata": analysis.predict_survival(
            stratified, pd.DataFrame({"age": [60], "ecog": ["e1"]}), at, [1]
        ),
    }
    for name, table in tables.items():
        for row in table.to_dict("records"):
            key = f"{name}.predicted.{row['row']}.{row['landmark']:g}"
            yield f"{key}.survival", row["survival"], COX
            yield f"{key}.error", row["standard_error"], COX
            yield f"{key}.lower", row["ci_lower"], COX
            yield f"{key}.upper", row["ci_upper"], COX
    for row in analysis.standardised_survival(fit, "ecog", 400).to_dict("records"):
        yield f"lung.standardised.{row['level']}", row["survival"], COX
    accuracy = analysis.prediction_accuracy(lung, *END, ["age", "sex", "ecog"], 400, n_bootstrap=2).iloc[0]
    yield "lung.brier", accuracy["brier"], COX
    yield "lung.auc", accuracy["auc"], COX


def frailty() -> Values:
    fit = analysis.fit_shared_frailty(frame("registry"), *END, "facility", ["x", "group"])
    yield "frailty.log_likelihood", fit.summary["log_likelihood"].iloc[0], 1e-8
    # R searches the variance on a grid that it refines; where its likelihood is equal, ours is the finer.
    yield "frailty.variance", fit.summary["variance"].iloc[0], SEARCHED
    for row in fit.facilities.to_dict("records"):
        yield f"frailty.effect.{row['facility']}", row["frailty"], SEARCHED


def fine_gray() -> Values:
    for key, entry in (("fine_gray", None), ("fine_gray_entry", "entry")):
        for cause in (1, 2):
            fit = analysis.fit_fine_gray(frame("registry"), "first", "cause", ["x", "group"], cause, entry)
            for row, name in zip(fit.terms.to_dict("records"), ("x", "b"), strict=True):
                yield f"{key}.{cause}.{name}.coefficient", row["coefficient"], COX
                yield f"{key}.{cause}.{name}.error", row["standard_error"], COX


def growth() -> Values:
    for form in ("exponential", "linear", "power"):
        for error in ("additive", "log"):
            fit = analysis.fit_growth(frame("lesions"), "months", "size", form, error, n_bootstrap=0)
            row = fit.parameters.set_index("parameter").loc["threshold_months"]
            yield f"{form}.{error}.months", row["estimate"], 1e-5
            yield f"{form}.{error}.error", row["standard_error"], 1e-4
            yield f"{form}.{error}.residual_sd", fit.residual_sd, 1e-6
            yield f"{form}.{error}.log_likelihood", fit.log_likelihood, 1e-8
    fit = analysis.fit_growth_mixed(frame("series"), "lesion", "months", "size")
    row = fit.parameters.set_index("parameter").loc["rate_per_month"]
    # lme ends where its optimiser does, a little below the maximum
    yield "mixed.rate", row["estimate"], 1e-4
    yield "mixed.rate_error", row["standard_error"], 1e-2
    yield "mixed.log_likelihood", fit.log_likelihood, 1e-5


QUANTITIES = {
    "survival": (curves, group_tests, causes, states, exact_limits),
    "cox": (cox_models, cox_tests, predictions, frailty, fine_gray),
    "growth": (growth,),
}


@pytest.mark.parametrize(("script", "compute"), [(s, f) for s, fs in QUANTITIES.items() for f in fs])
def test_agrees_with_r(script, compute):
    expected, wrong = numbers(script), []
    for key, value, bar in compute():
        want = expected[key]
        if not (math.isnan(value) and math.isnan(want)) and not math.isclose(
            value, want, rel_tol=bar, abs_tol=bar * 1e-3
        ):
            wrong.append((key, value, want))
    assert wrong == []


@pytest.mark.parametrize("script", list(QUANTITIES))
def test_every_number_of_r_is_compared(script):
    """A number that nobody looks at proves nothing."""
    compared = {key for compute in QUANTITIES[script] for key, _, _ in compute()}
    assert compared == set(numbers(script))
