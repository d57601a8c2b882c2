"""How often tests find something where there is nothing, and what the two readings of growth recover.

Belongs here: simulated registries without an effect, and shares of p values below 5 %.
Does not belong here: intervals (designs.py, growth_designs.py), bars (test_errors.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.analysis.cox.concordance import concordance
from registry_pipeline.analysis.survival.cutpoint import p_lausen_92, p_lausen_94, search
from registry_pipeline.analysis.times import Times
from tests.simulation.growth_draws import onset_lesions
from tests.simulation.intervals import Z

Shares = dict[str, float]


def _censored(rng: np.random.Generator, n: int) -> Times:
    time, end = rng.exponential(900, n), rng.uniform(300, 2000, n)
    return Times(np.ceil(np.minimum(time, end)), (time <= end).astype(np.int64))


def searched_cutpoint(n: int, replicates: int, seed: int) -> Shares:
    """The naive and both corrected p values of a searched cutpoint; size has nothing to do with survival."""
    found = np.empty((replicates, 3))
    for i in range(replicates):
        rng = np.random.default_rng([seed, i])
        one = search(_censored(rng, n), np.round(rng.uniform(5, 40, n)), 0.1)
        largest = float(one.statistic[one.best])
        found[i] = largest, p_lausen_92(largest, 0.1), p_lausen_94(largest, n, one.n_below)
    names = ("cutpoint, Lausen-Schumacher 1992", "cutpoint, Lausen-Sauerbrei-Schumacher 1994")
    corrected = {name: float((found[:, j] < 0.05).mean()) for j, name in enumerate(names, start=1)}
    return {"cutpoint, naive": float((found[:, 0] > Z).mean()), **corrected}


def permuted_cutpoint(n: int, replicates: int, seed: int) -> Shares:
    """The permutation p; with 39 permutations it can be exactly 5 %."""
    rows = []
    for i in range(replicates):
        rng = np.random.default_rng([seed, i])
        times = _censored(rng, n)
        frame = pd.DataFrame({"days": times.duration, "event": times.event})
        frame["size"] = np.round(rng.uniform(5, 40, n))
        rows.append(analysis.search_cost(frame, "days", "event", "size", n_permutations=39, seed=i).iloc[0])
    found = pd.DataFrame(rows)
    return {
        "cutpoint, permutation": float((found["permutation_p_value"] <= 0.05).mean()),
        "cutpoint, naive, as search_cost says": float(found["naive_false_positive_share"].mean()),
    }


def _equal_groups(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Two causes, two groups without a difference, two strata that differ."""
    stratum = rng.integers(0, 2, n)
    one, two = rng.exponential(np.where(stratum, 900, 2000)), rng.exponential(2000, n)
    end, time = rng.uniform(300, 2700, n), np.minimum(one, two)
    frame = pd.DataFrame({"days": np.ceil(np.minimum(time, end)), "group": rng.integers(0, 2, n)})
    cause = np.where(time <= end, np.where(one < two, 1, 2), 0)
    return frame.assign(stratum=stratum, cause=cause, event=(cause == 1).astype(int))


def _seen_late(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Half enter late; who has left before is never seen."""
    rng = np.random.default_rng([seed, 1])
    entry = np.floor(rng.uniform(0, 400, len(frame)) * rng.integers(0, 2, len(frame)))
    return frame.assign(entry=entry)[entry < frame["days"]]


def comparisons(n: int, replicates: int, seed: int) -> Shares:
    """Tests of equal groups of one cause, the other censoring; Gray's with both."""
    columns = ("days", "event")
    found = []
    for i in range(replicates):
        frame = _equal_groups(np.random.default_rng([seed, i]), n)
        checked = analysis.PreparedFrame(frame)
        tests = {
            "log-rank": analysis.logrank_test(checked, *columns, "group"),
            "log-rank, Peto": analysis.logrank_test(checked, *columns, "group", weighting="peto"),
            "log-rank, Fleming-Harrington (0, 1)": analysis.logrank_test(
                checked, *columns, "group", weighting=("fleming-harrington", 0, 1)
            ),
            "log-rank, stratified": analysis.logrank_test(checked, *columns, "group", strata="stratum"),
            "difference of restricted means": analysis.restricted_mean_difference(
                checked, *columns, 700, "group"
            ),
            "Gray": analysis.gray_test(frame, "days", "cause", "group"),
            "Gray, delayed entry": analysis.gray_test(
                _seen_late(frame, i), "days", "cause", "group", entry="entry"
            ),
        }
        found.append({name: rows["p_value"].iloc[0] for name, rows in tests.items()})
    return _shares(found)


SMALL_GROUPS = ((53, 3), (40, 14, 2), (37, 18, 1))  # of 56 patients
PERMUTATIONS = 199  # p can then be exactly 5 %


def small_groups(n: int, replicates: int, seed: int) -> Shares:
    """Tests of equal groups where one has hardly a patient; n must be that of SMALL_GROUPS."""
    columns, shares = ("days", "event"), {}
    for sizes in SMALL_GROUPS:
        assert n == sum(sizes)
        found = []
        for i in range(replicates):
            frame = _equal_groups(np.random.default_rng([seed, i]), n)
            frame["group"] = np.repeat(np.arange(len(sizes)), sizes)
            options: dict[str, int] = {"n_permutations": PERMUTATIONS, "seed": i}
            plain = analysis.logrank_test(frame, *columns, "group", **options).iloc[0]
            tests = {
                "log-rank": plain["p_value"],
                "log-rank, chi-square": plain["asymptotic_p_value"],
                "log-rank, Peto": analysis.logrank_test(
                    frame, *columns, "group", weighting="peto", **options
                )["p_value"].iloc[0],
                "log-rank, stratified": analysis.logrank_test(frame, *columns, "group", "stratum", **options)[
                    "p_value"
                ].iloc[0],
                "Gray": analysis.gray_test(frame, "days", "cause", "group", **options)["p_value"].iloc[0],
            }
            found.append(tests | _model_of_groups(frame, columns))
        table = pd.DataFrame(found)
        label = "/".join(map(str, sizes))
        shares |= {f"{name}, {label}": float((column <= 0.05).mean()) for name, column in table.items()}
        shares |= {f"given: {name}, {label}": float(column.notna().mean()) for name, column in table.items()
                   if column.isna().any()}  # fmt: skip
    return shares


def _model_of_groups(frame: pd.DataFrame, columns: tuple[str, str]) -> dict[str, float]:
    """What a Cox model of the groups says, plain, or penalised where a group has no event; and Fine and Gray's."""
    frame = frame.assign(group=pd.Categorical("g" + frame["group"].astype(str)))
    fit = analysis.fit_cox_reported(frame, *columns, ["group"], cross_check=False, limits=False)[-1]
    terms, factor = fit.terms, analysis.factor_tests(fit).iloc[0]
    competing = analysis.fit_fine_gray(frame, "days", "cause", ["group"]).terms
    return {
        "Cox, whole factor": factor["likelihood_ratio_p_value"],
        "Cox, whole factor, Wald": factor["wald_p_value"],
        "Cox, first group": terms["p_value"].iloc[0],
        "Cox, smallest group": terms["p_value"].iloc[-1],
        "Fine-Gray, first group": competing["p_value"].iloc[0],
        "Fine-Gray, smallest group": competing["p_value"].iloc[-1],
    }


def models(n: int, replicates: int, seed: int) -> Shares:
    """Tests of a proportional, linear and absent effect: proportional hazards, the spline's two, Firth's."""
    found = []
    for i in range(replicates):
        rng = np.random.default_rng([seed, i])
        times, size = _censored(rng, n), np.round(rng.uniform(5, 40, n))
        frame = pd.DataFrame({"days": times.duration, "event": times.event, "size": size})
        spline = analysis.fit_size_spline(frame, "days", "event", "size", cross_check=False)
        tests = {f"spline, {row.test}": row.p_value for row in spline.tests.itertuples()}
        plain = analysis.fit_cox(frame, "days", "event", ["size"], cross_check=False)
        tests |= {
            f"proportional hazards, {name}": plain.ph_test(name)["p_value"].iloc[-1]
            for name in ("km", "rank", "identity")
        }
        tests["Cox, Wald"] = plain.terms["p_value"].iloc[0]
        firth = analysis.fit_cox(frame, "days", "event", ["size"], penalty="firth", cross_check=False)
        found.append(tests | {"Cox, Firth, profile": firth.terms["p_value"].iloc[0]})
    return _shares(found)


def _shares(p_values: list[dict[str, float]]) -> Shares:
    """Share of each test's p values below 5 %, of those that are given."""
    table = pd.DataFrame(p_values)
    return {name: float((column.dropna() < 0.05).mean()) for name, column in table.items()}


def growth_readings(n: int, seed: int) -> tuple[float, float]:
    """Months to the threshold by the interval-censored onset and by the plain regression, n lesions."""
    frame = onset_lesions(np.random.default_rng(seed), n)
    onset = analysis.fit_interval_onset(frame, "x", "y").threshold["months"].iloc[0]
    plain = analysis.fit_growth(frame, "x", "y", "exponential", "log").threshold["months"].iloc[0]
    return float(onset), float(plain)


def optimism(n: int, replicates: int, seed: int) -> Shares:
    """What a model of five covariates, one of which matters, says of itself, and what new patients say of it.

    Mean concordance: apparent, corrected, in new patients; slope and difference of calibration in the quarter of lowest
    predicted survival at day 700: corrected, in new patients.
    """
    names = [f"x{j}" for j in range(5)]

    def drawn(rng: np.random.Generator, size: int) -> pd.DataFrame:
        frame = pd.DataFrame(rng.normal(size=(size, len(names))), columns=names)
        time, end = rng.exponential(900 * np.exp(-0.7 * frame["x0"])), rng.uniform(300, 2700, size)
        return frame.assign(days=np.ceil(np.minimum(time, end)), event=(time <= end).astype(int))

    others = drawn(np.random.default_rng(99), 5_000)
    times = Times(others["days"].to_numpy(), others["event"].to_numpy())
    found = []
    for i in range(replicates):
        frame = drawn(np.random.default_rng([seed, i]), n)
        columns = ("days", "event", names)
        row = analysis.bootstrap_concordance(frame, *columns, n_bootstrap=40, seed=i).iloc[0]
        fit = analysis.fit_cox(frame, *columns, cross_check=False)
        score = others[names].to_numpy() @ fit.terms["coefficient"].to_numpy()
        own = analysis.calibration(fit, 700, n_bootstrap=40, seed=i).iloc[-1]
        found.append(
            {
                "apparent": row["concordance_apparent"],
                "corrected": row["concordance_corrected"],
                "in new patients": concordance(times, score).estimate,
                "slope, corrected": own["slope_corrected"],
                "slope, in new patients": analysis.fit_cox(
                    others.assign(score=score), "days", "event", ["score"], cross_check=False
                ).terms["coefficient"].iloc[0],
                "difference, apparent": own["difference"],
                "difference, corrected": own["difference_corrected"],
                "difference, in new patients": _difference_in(fit, others[names], times, score),
            }
        )  # fmt: skip
    return {name: float(value) for name, value in pd.DataFrame(found).mean().items()}


def _difference_in(fit: analysis.CoxFit, covariates: pd.DataFrame, times: Times, score: np.ndarray) -> float:
    """Observed less predicted survival at day 700 in the quarter of patients with the highest hazards."""
    members = np.argsort(score)[-len(score) // 4 :]
    baseline = analysis.predict_survival(fit, covariates.iloc[:1], 700)["survival"].iloc[0]
    predicted = baseline ** np.exp(score[members] - score[0])
    taken = times.take(members)
    frame = pd.DataFrame({"days": taken.duration, "event": taken.event})
    return float(
        analysis.landmark_survival(frame, "days", "event", 700)["survival"].iloc[0] - predicted.mean()
    )


@dataclass(frozen=True)
class Entry:
    """A function that gives shares of p values, and its replicates in `python -m tests.simulation`."""

    test: Callable[[int, int, int], Shares]
    long: int


ERRORS = {
    "cutpoint": Entry(searched_cutpoint, 10_000),
    "permutation": Entry(permuted_cutpoint, 4_000),
    "comparisons": Entry(comparisons, 2_000),
    "small groups": Entry(small_groups, 1_000),
    "models": Entry(models, 1_000),
}
