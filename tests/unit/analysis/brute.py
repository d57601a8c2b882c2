"""Slow and obvious versions of what the analysis room computes fast. No tests."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

BAD_FRAMES = {
    "empty": {"time": [], "event": [], "x": [], "group": []},
    "one patient who died": {"time": [5], "event": [1], "x": [2], "group": ["a"]},
    "one patient": {"time": [5], "event": [0], "x": [2], "group": ["a"]},
    "two patients": {"time": [5, 6], "event": [1, 0], "x": [2, 3], "group": ["a", "b"]},
    "no events": {"time": range(1, 11), "event": [0] * 10, "x": range(10), "group": list("ab" * 5)},
    "one event": {
        "time": range(1, 11),
        "event": [0, 0, 1] + [0] * 7,
        "x": [3, 1, 2, 5, 6, 2, 1, 4, 3, 2],
        "group": list("ab" * 5),
    },
    "all censored at zero": {"time": [0] * 6, "event": [0] * 6, "x": range(6), "group": list("ab" * 3)},
    "all dead at zero": {"time": [0] * 6, "event": [1] * 6, "x": range(6), "group": list("ab" * 3)},
    "constant": {"time": range(1, 11), "event": [1, 0] * 5, "x": [2] * 10, "group": ["a"] * 10},
    "ties everywhere": {"time": [3] * 10, "event": [1, 0] * 5, "x": range(10), "group": list("ab" * 5)},
    "two times": {"time": [3] * 5 + [7] * 5, "event": [1] * 10, "x": range(10), "group": list("ab" * 5)},
    "stratum of one": {
        "time": range(1, 11),
        "event": [1, 0] * 5,
        "x": [3, 1, 4, 1, 5, 9, 2, 6, 5, 3],
        "group": ["a"] + ["b"] * 9,
    },
    "nothing known": {"time": range(1, 11), "event": [1, 0] * 5, "x": [math.nan] * 10, "group": [None] * 10},
    "separation": {
        "time": range(1, 21),
        "event": [1] * 10 + [0] * 10,
        "x": [1] * 10 + [0] * 10,
        "group": ["a"] * 10 + ["b"] * 10,
    },
}


def bad_frame(name: str) -> pd.DataFrame:
    """A frame that supports little or nothing."""
    raw = BAD_FRAMES[name]
    return pd.DataFrame(
        {
            "time": np.array(raw["time"], dtype=float),
            "event": np.array(raw["event"], dtype=int),
            "x": np.array(raw["x"], dtype=float),
            "group": np.array(raw["group"], dtype=object),
        }
    )


def random_frame(seed: int, n: int = 60, p: int = 2, ties: int = 20) -> pd.DataFrame:
    """Survival times with ties, entries, strata and p covariates, the first of which matters."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p))
    time = np.ceil(rng.exponential(ties * np.exp(-0.5 * x[:, 0])))
    censoring = rng.integers(1, 2 * ties, n)
    frame = pd.DataFrame(x, columns=[f"x{j}" for j in range(p)])
    frame["time"] = np.minimum(time, censoring)
    frame["event"] = (time <= censoring).astype(int)
    frame["entry"] = np.floor(rng.random(n) * frame["time"])
    frame["stratum"] = rng.integers(0, 3, n)
    frame["count"] = rng.integers(0, 4, n)
    return frame


def efron_log_likelihood(
    frame: pd.DataFrame, names: list[str], beta: np.ndarray, entry: bool, strata: bool
) -> float:
    """Efron's partial likelihood, death by death."""
    total = 0.0
    for _, part in frame.groupby("stratum") if strata else [(0, frame)]:
        time, event = part["time"].to_numpy(), part["event"].to_numpy()
        start = part["entry"].to_numpy() if entry else np.full(len(part), -1.0)
        eta = part[names].to_numpy() @ beta
        for t in np.unique(time[event == 1]):
            at_risk, dies = (start < t) & (time >= t), (time == t) & (event == 1)
            d = int(dies.sum())
            total += eta[dies].sum()
            for step in range(d):
                total -= np.log(np.exp(eta[at_risk]).sum() - step / d * np.exp(eta[dies]).sum())
    return total


def pair_concordance(frame: pd.DataFrame, score: np.ndarray, entry: bool, strata: bool) -> float:
    """Concordance, pair by pair."""
    time, event = frame["time"].to_numpy(), frame["event"].to_numpy()
    start = frame["entry"].to_numpy() if entry else np.full(len(frame), -1.0)
    layer = frame["stratum"].to_numpy() if strata else np.zeros(len(frame))
    good = pairs = 0.0
    for i in np.flatnonzero(event == 1):
        for j in range(len(frame)):
            outlives = time[j] > time[i] or (time[j] == time[i] and event[j] == 0)
            if outlives and start[j] < time[i] and layer[i] == layer[j]:
                pairs += 1
                good += 1.0 if score[i] > score[j] else 0.5 if score[i] == score[j] else 0.0
    return good / pairs
