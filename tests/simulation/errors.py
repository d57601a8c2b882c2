"""How often tests find something where there is nothing, and what the two readings of growth recover.

Belongs here: simulated registries without an effect, and shares of p values below 5 %.
Does not belong here: intervals (designs.py, growth_designs.py), bars (test_errors.py).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.analysis.cutpoint import p_lausen_92, p_lausen_94, search
from registry_pipeline.analysis.gate import Times
from tests.simulation.designs import Z
from tests.simulation.growth_designs import onset_lesions

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
    """Two causes, two groups without a difference."""
    one, two, end = rng.exponential(1500, n), rng.exponential(2000, n), rng.uniform(300, 2700, n)
    time = np.minimum(one, two)
    frame = pd.DataFrame({"days": np.ceil(np.minimum(time, end)), "group": rng.integers(0, 2, n)})
    return frame.assign(event=np.where(time <= end, np.where(one < two, 1, 2), 0))


def logrank(n: int, replicates: int, seed: int) -> Shares:
    """The log-rank test of one cause, the other censoring."""
    p_values = []
    for i in range(replicates):
        frame = _equal_groups(np.random.default_rng([seed, i]), n)
        frame["event"] = (frame["event"] == 1).astype(int)
        p_values.append(analysis.logrank_test(frame, "days", "event", "group")["p_value"].iloc[0])
    return {"log-rank": float((np.array(p_values) < 0.05).mean())}


def gray(n: int, replicates: int, seed: int) -> Shares:
    """Gray's test of the first of two causes."""
    p_values = [
        analysis.gray_test(_equal_groups(np.random.default_rng([seed, i]), n), "days", "event", "group")[
            "p_value"
        ].iloc[0]
        for i in range(replicates)
    ]
    return {"Gray": float((np.array(p_values) < 0.05).mean())}


def growth_readings(n: int, seed: int) -> tuple[float, float]:
    """Months to the threshold by the interval-censored onset and by the plain regression, n lesions."""
    frame = onset_lesions(np.random.default_rng(seed), n)
    onset = analysis.fit_interval_onset(frame, "x", "y").threshold["months"].iloc[0]
    plain = analysis.fit_growth(frame, "x", "y", "exponential", "log").threshold["months"].iloc[0]
    return float(onset), float(plain)


ERRORS: dict[str, Callable[[int, int, int], Shares]] = {
    "cutpoint": searched_cutpoint,
    "permutation": permuted_cutpoint,
    "logrank": logrank,
    "gray": gray,
}
