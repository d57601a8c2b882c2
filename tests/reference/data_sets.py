"""The data sets of the reference numbers: those that lifelines ships, and one that arithmetic makes.

Belongs here: frames that are the same on every machine, as R reads them. No third party's data stands in this repository.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd


def lung() -> pd.DataFrame:
    """Advanced lung cancer (NCCTG), complete in what is used."""
    from lifelines.datasets import load_lung

    frame = load_lung()
    frame = frame[["time", "status", "age", "sex", "ph.ecog"]].dropna()
    return pd.DataFrame(
        {
            "time": frame["time"].astype(int), "event": frame["status"].astype(int), "age": frame["age"],
            "sex": frame["sex"].astype(int), "ecog": "e" + frame["ph.ecog"].clip(upper=2).astype(int).astype(str),
        }
    ).reset_index(drop=True)  # fmt: skip


def gbsg2() -> pd.DataFrame:
    """German breast cancer study."""
    from lifelines.datasets import load_gbsg2

    frame = load_gbsg2()
    return pd.DataFrame(
        {
            "time": frame["time"], "event": frame["cens"], "age": frame["age"], "nodes": frame["pnodes"],
            "size": frame["tsize"], "grade": frame["tgrade"], "hormone": frame["horTh"],
        }
    )  # fmt: skip


def larynx() -> pd.DataFrame:
    """Larynx cancer, stage as three columns of zero and one."""
    from lifelines.datasets import load_larynx

    frame = load_larynx()
    stage = 1 + frame["Stage_II"] + 2 * frame["Stage_III"] + 3 * frame["Stage_IV"]
    return pd.DataFrame(
        {
            "time": frame["time"],
            "event": frame["death"].astype(int),
            "age": frame["age"],
            "stage": "s" + stage.astype(str),
        }
    )


def _uniform(n: int, seed: int) -> np.ndarray:
    """Numbers between 0 and 1 by the multiplicative generator of Lewis, Goodman and Miller: the same everywhere."""
    state, out = seed, np.empty(n)
    for i in range(n):
        state = state * 16_807 % 2_147_483_647
        out[i] = state / 2_147_483_647
    return out


def registry(n: int = 400) -> pd.DataFrame:
    """Patients of 12 facilities, with states, causes, delayed entry, weights; whole days, ties, facility effects."""
    u = _uniform(n * 8, 20_221).reshape(n, 8)
    facility = (np.arange(n) * 7) % 12
    x, group = np.round(4 * (u[:, 0] - 0.5), 3), np.where(u[:, 1] < 0.35, "b", "a")
    effect = np.where(facility == 5, 1.0, ((facility % 3) - 1) * 0.3)
    hazard = np.exp(0.5 * x + 0.4 * (group == "b") + effect)
    progression = np.ceil(-np.log(u[:, 2]) * 500 / hazard)
    death_first = np.ceil(-np.log(u[:, 3]) * 1500 / hazard)
    death_after = np.ceil(-np.log(u[:, 4]) * 400 / hazard)
    end = np.floor(200 + 1500 * u[:, 5])
    first, died = (
        np.minimum(progression, death_first),
        np.where(progression < death_first, progression + death_after, death_first),
    )
    cause = np.where(first <= end, np.where(progression < death_first, 1, 2), 0)
    return pd.DataFrame(
        {
            "id": np.arange(n), "facility": [f"F{k:02d}" for k in facility], "x": x, "group": group,
            "time": np.minimum(died, end).astype(int), "event": (died <= end).astype(int),
            "first": np.minimum(first, end).astype(int), "cause": cause,
            "progressed": np.where(cause == 1, first, -1).astype(int),
            "entry": np.floor(np.minimum(first, end) * 0.5 * u[:, 6] * (np.arange(n) % 2)).astype(int),
            "weight": np.round(0.5 + 1.5 * u[:, 7], 2), "patient": np.arange(n) // 2,
        }
    )  # fmt: skip


def lesions(n: int = 90) -> pd.DataFrame:
    """Sizes at detection, exponential with a lognormal error, of lesions whose last negative CT was months ago."""
    u = _uniform(n * 3, 77).reshape(n, 3)
    months = np.round(1 + 14 * u[:, 0], 2)
    noise = np.sqrt(-2 * np.log(u[:, 1])) * np.cos(2 * np.pi * u[:, 2])
    size = np.round(15 * np.exp(0.11 * (months - 7) + 0.25 * noise), 2)
    return pd.DataFrame({"patient": np.arange(n) // 2, "months": months, "size": size})


def series(n: int = 25) -> pd.DataFrame:
    """Lesions measured four times, with an intercept and a slope each."""
    u = _uniform(n * 6, 99).reshape(n, 6)
    level, rate = 2 + (u[:, 0] - 0.5), 0.05 + 0.08 * u[:, 1]
    months = np.tile(np.array([0.0, 2.0, 5.0, 9.0]), (n, 1))
    size = np.round(np.exp(level[:, None] + rate[:, None] * months + 0.15 * (u[:, 2:6] - 0.5)), 3)
    return pd.DataFrame(
        {"lesion": np.repeat(np.arange(n), 4), "months": months.ravel(), "size": size.ravel()}
    )


DATA_SETS = {
    "lesions": lesions,
    "series": series,
    "lung": lung,
    "gbsg2": gbsg2,
    "larynx": larynx,
    "registry": registry,
}


def write(folder: Path) -> None:
    """Write all of them for R."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in DATA_SETS.items():
        make().to_csv(folder / f"{name}.csv", index=False)


if __name__ == "__main__":
    import sys

    write(Path(sys.argv[1]))
