"""Estimates over a million patients: Kaplan-Meier, log-rank and Cox, against lifelines; bootstraps of few.

Belongs here: the synthetic patients and both ways to estimate from them.
Does not belong here: whether the estimates agree (``tests/reference``), though both sides tell what they got.
"""

import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.job import Work
from benchmarks.measuring import Figure, Measurement, alternate, figure, run_job

COVARIATES = [f"x{at}" for at in range(5)]
CASES = {"km": "Kaplan-Meier", "logrank": "log-rank, 4 groups", "cox": "Cox, 5 covariates"}
TARGETS = {"km": 1.0, "logrank": 1.0, "cox": 1 / 8}
R_TARGETS = {"km": 0.15, "logrank": 0.15, "cox": 0.4}
R_CALLS = {
    "km": "survfit(Surv(days, event) ~ 1, d)",
    "logrank": "survdiff(Surv(days, event) ~ group, d)",
    "cox": "coxph(Surv(days, event) ~ x0 + x1 + x2 + x3 + x4, d)",
}
LOOPS = {"km": 12, "logrank": 6, "cox": 1}  # calls in one measurement, so that it lasts a second and more
R_READS = 'saveRDS(read.csv("{csv}"), "{rds}", compress = FALSE)'
R_SCRIPT = """
suppressPackageStartupMessages(library(survival))
d <- readRDS("{rds}")
used <- system.time(for (i in 1:{loops}) {call})
cat(used[["elapsed"]], used[["user.self"]] + used[["sys.self"]])
"""
MOST_OF_FRAME = 1.5
BOOTSTRAPPED, REPLICATES, N_COVARIATES = 56, 1000, 8


def benchmark(
    out: Path, rows: int = 1_000_000, repeats: int = 3, cox_repeats: int = 1, replicates: int = REPLICATES
) -> list[Figure]:
    """Each estimate, with lifelines as the floor: below 1 is faster than lifelines."""
    figures = []
    with tempfile.TemporaryDirectory(dir=out) as folder:
        path = f"{folder}/patients.parquet"
        run_job("estimating.write_patients", out, path=path, rows=rows)
        for case, name in CASES.items():
            ours, theirs = alternate(
                lambda case=case: _each("ours", out, path, case),
                lambda case=case: _each("lifelines", out, path, case),
                cox_repeats if case == "cox" else repeats,
            )
            parts = {"ours": dict(ours[0].reported), "lifelines": dict(theirs[0].reported)}
            # the libraries and the frame are held already when the work begins
            most = max(run.held_mb + MOST_OF_FRAME * run.reported["frame_mb"] for run in ours)
            named = f"{name}, {rows:,} rows, against lifelines"
            figures.append(figure(named, ours, theirs, TARGETS[case], parts, most))
    figures += against_r(out, rows, repeats)
    refits = [run_job("estimating.bootstraps", out, replicates=replicates) for _ in range(repeats)]
    named = f"{replicates:,} bootstraps of a Cox model, {N_COVARIATES} covariates, n = {BOOTSTRAPPED}"
    return [*figures, figure(named, refits, target=10.0)]


def _each(job: str, out: Path, path: str, case: str) -> Measurement:
    """Seconds of one call, of as many as last long enough to be measured."""
    loops = LOOPS[case.removesuffix(", as R")]
    measured = run_job(f"estimating.{job}", out, path=path, case=case, loops=loops)
    return replace(measured, wall=measured.wall / loops, cpu=measured.cpu / loops)


def against_r(out: Path, rows: int = 1_000_000, repeats: int = 3) -> list[Figure]:
    """The same against R's survival, which computes the concordance with a Cox model; none where R is not."""
    if shutil.which("Rscript") is None:
        return []
    figures = []
    with tempfile.TemporaryDirectory(dir=out) as folder:
        path, csv, rds = (f"{folder}/patients.{end}" for end in ("parquet", "csv", "rds"))
        run_job("estimating.write_patients", out, path=path, rows=rows)
        run_job("estimating.write_csv", out, path=path, csv=csv)
        subprocess.run(["Rscript", "--vanilla", "-e", R_READS.format(csv=csv, rds=rds)], check=True)
        for case, name in CASES.items():
            ours, theirs = alternate(
                lambda case=case: _each("ours", out, path, f"{case}, as R"),
                lambda case=case: _r(rds, case),
                repeats,
            )
            figures.append(
                figure(f"{name}, {rows:,} rows, against R survival", ours, theirs, R_TARGETS[case])
            )
    return figures


def _r(rds: str, case: str) -> Measurement:
    """Time one call of R, of as many as ours, without its start and the reading."""
    script = R_SCRIPT.format(rds=rds, call=R_CALLS[case], loops=LOOPS[case])
    done = subprocess.run(["Rscript", "--vanilla", "-e", script], capture_output=True, text=True, check=True)
    wall, cpu = (float(seconds) / LOOPS[case] for seconds in done.stdout.split())
    return Measurement(wall, cpu, float("nan"))


def write_csv(path: str, csv: str) -> Work:
    """The patients as R reads them."""
    import polars as pl

    def work() -> dict[str, Any]:
        pl.read_parquet(path).write_csv(csv)
        return {}

    return work


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
        columns = {name: x[:, at] for at, name in enumerate(COVARIATES)}
        columns |= {"days": days, "event": (time <= censored).astype(np.int64)}
        columns["group"] = rng.choice(np.array(["a", "b", "c", "d"]), rows)
        pl.DataFrame(columns).write_parquet(path)
        return {"events": int(columns["event"].sum())}

    return work


def _repeated(work: Work, loops: int) -> Work:
    """The same work several times."""

    def all_of_it() -> dict[str, Any]:
        for _ in range(loops - 1):
            work()
        return work()

    return all_of_it


def ours(path: str, case: str, loops: int = 1) -> Work:
    """Through the public functions of ``analysis``."""
    import pandas as pd

    from registry_pipeline import analysis

    frame = pd.read_parquet(path)
    case, is_as_r = case.removesuffix(", as R"), case.endswith(", as R")
    size = {"frame_mb": float(frame.memory_usage(deep=True).sum()) / 2**20}

    def work() -> dict[str, Any]:
        if case == "km":
            curve = analysis.kaplan_meier(frame, "days", "event")
            return size | {"last": float(curve["survival"].iloc[-1])}
        if case == "logrank":
            test = analysis.logrank_test(frame, "days", "event", "group")
            return size | {"chi_square": float(test["chi_square"][0])}
        fit = analysis.fit_cox(frame, "days", "event", COVARIATES, cross_check=not is_as_r)
        if is_as_r:
            size["concordance"] = fit.concordance.estimate
        coefficients = [round(coefficient, 8) for coefficient in fit.terms["coefficient"]]
        return size | {"coefficients": coefficients, "status": fit.status}

    return _repeated(work, loops)


def bootstraps(replicates: int) -> Work:
    """The optimism of a Cox model of few patients with many covariates, by resampling them."""
    import numpy as np
    import pandas as pd

    from registry_pipeline import analysis

    rng = np.random.default_rng(3)
    names = [f"x{at}" for at in range(N_COVARIATES)]
    x = rng.normal(size=(BOOTSTRAPPED, N_COVARIATES))
    time, censored = rng.exponential(900 * np.exp(-0.3 * x[:, 0])), rng.uniform(200, 4000, BOOTSTRAPPED)
    columns = {name: x[:, at] for at, name in enumerate(names)}
    frame = pd.DataFrame({**columns, "days": np.ceil(np.minimum(time, censored)), "event": time <= censored})
    frame["event"] = frame["event"].astype(int)

    def work() -> dict[str, Any]:
        row = analysis.bootstrap_concordance(frame, "days", "event", names, n_bootstrap=replicates).iloc[0]
        return {"n_used": int(row["n_used"]), "optimism": float(row["optimism"])}

    return work


def lifelines(path: str, case: str, loops: int = 1) -> Work:
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
        return {"coefficients": [round(float(coefficient), 8) for coefficient in fit.params_]}

    return _repeated(work, loops)
