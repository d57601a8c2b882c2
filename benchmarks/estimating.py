"""Estimates over a million patients: Kaplan-Meier, log-rank and Cox, against lifelines.

Belongs here: the synthetic patients and both ways to estimate from them.
Does not belong here: whether the estimates agree (``tests/reference``), though both sides tell what they got.
"""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.job import Work
from benchmarks.measuring import Figure, alternate, figure, run_job

COVARIATES = [f"x{at}" for at in range(5)]
CASES = {"km": "Kaplan-Meier", "logrank": "log-rank, 4 groups", "cox": "Cox, 5 covariates"}


def benchmark(out: Path, rows: int = 1_000_000, repeats: int = 3, cox_repeats: int = 1) -> list[Figure]:
    """Each estimate, with lifelines as the floor: below 1 is faster than lifelines."""
    figures = []
    with tempfile.TemporaryDirectory(dir=out) as folder:
        path = f"{folder}/patients.parquet"
        run_job("estimating.write_patients", out, path=path, rows=rows)
        for case, name in CASES.items():
            ours, theirs = alternate(
                lambda case=case: run_job("estimating.ours", out, path=path, case=case),
                lambda case=case: run_job("estimating.lifelines", out, path=path, case=case),
                cox_repeats if case == "cox" else repeats,
            )
            parts = {"ours": dict(ours[0].told), "lifelines": dict(theirs[0].told)}
            figures.append(figure(f"{name}, {rows:,} rows, against lifelines", ours, theirs, parts=parts))
    return figures


def write_patients(path: str, rows: int) -> Work:
    """Proportional hazards in whole days, a third censored."""
    import numpy as np
    import polars as pl

    def work() -> dict[str, Any]:
        rng = np.random.default_rng(2)
        x = rng.normal(size=(rows, len(COVARIATES)))
        hazard = np.exp(x @ np.linspace(-0.4, 0.4, len(COVARIATES))) / 900
        time, censored = rng.exponential(1 / hazard), rng.uniform(200, 4000, rows)
        days = np.ceil(np.minimum(time, censored)).astype(np.int64)
        made = {name: x[:, at] for at, name in enumerate(COVARIATES)}
        made |= {"days": days, "event": (time <= censored).astype(np.int64)}
        made["group"] = rng.choice(np.array(["a", "b", "c", "d"]), rows)
        pl.DataFrame(made).write_parquet(path)
        return {"events": int(made["event"].sum())}

    return work


def ours(path: str, case: str) -> Work:
    """Through the public functions of ``analysis``."""
    import pandas as pd

    from registry_pipeline import analysis

    frame = pd.read_parquet(path)

    def work() -> dict[str, Any]:
        if case == "km":
            return {"last": float(analysis.kaplan_meier(frame, "days", "event")["survival"].iloc[-1])}
        if case == "logrank":
            return {
                "chi_square": float(analysis.logrank_test(frame, "days", "event", "group")["chi_square"][0])
            }
        fit = analysis.fit_cox(frame, "days", "event", COVARIATES)
        return {"coefficients": [round(one, 8) for one in fit.terms["coefficient"]], "status": fit.status}

    return work


def lifelines(path: str, case: str) -> Work:
    """The same by lifelines, as its manual says."""
    import pandas as pd
    from lifelines import CoxPHFitter, KaplanMeierFitter
    from lifelines.statistics import multivariate_logrank_test

    frame = pd.read_parquet(path)

    def work() -> dict[str, Any]:
        if case == "km":
            fitter = KaplanMeierFitter().fit(frame["days"], frame["event"])
            return {"last": float(fitter.survival_function_.iloc[-1, 0])}
        if case == "logrank":
            test = multivariate_logrank_test(frame["days"], frame["group"], frame["event"])
            return {"chi_square": float(test.test_statistic)}
        fit = CoxPHFitter().fit(frame[[*COVARIATES, "days", "event"]], "days", "event")
        return {"coefficients": [round(float(one), 8) for one in fit.params_]}

    return work
