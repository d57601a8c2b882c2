"""How much of a Cox model's concordance is optimism: Harrell's bootstrap.

Belongs here: refitting on resampled patients and judging each refit on the patients themselves.
Does not belong here: the concordance itself (analysis/cox/concordance.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.cox.concordance import PREDICTOR_TOLERANCE, concordance
from registry_pipeline.analysis.cox.fit import fit_cox
from registry_pipeline.analysis.cox.likelihood import evaluate
from registry_pipeline.analysis.cox.newton import cox_problem, maximise, split_columns
from registry_pipeline.analysis.cox.result import CoxFit
from registry_pipeline.analysis.cox.risk_sets import build_risk_sets
from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, OK, Floats, Frame, Ints
from registry_pipeline.analysis.times import Times

COLUMNS = [
    "n",
    "n_event",
    "n_bootstrap",
    "n_used",
    "n_not_certified",
    "concordance_apparent",
    "optimism",
    "concordance_corrected",
    "status",
    "note",
]
PAIRWISE_ROWS = 1_500  # up to here all pairs fit in memory and are the faster way


class PairCounter:
    """Concordance of many predictions and many resamplings of the same patients."""

    def __init__(self, times: Times, stratum: Ints) -> None:
        """Find once which pairs count: the first dies while the second is at risk and outlives it."""
        self.times, self.stratum = times, stratum
        self.pairs: np.ndarray | None = None
        if len(times) <= PAIRWISE_ROWS:
            time, event = times.duration, times.event
            outlives = (time[None, :] > time[:, None]) | (
                (time[None, :] == time[:, None]) & (event == 0)[None, :]
            )
            self.pairs = (event > 0)[:, None] & outlives & (stratum[:, None] == stratum[None, :])
            if times.entry is not None:
                self.pairs &= times.entry[None, :] < time[:, None]

    def estimate(self, score: Floats, count: Floats) -> float:
        """Give the concordance when row i stands for count[i] patients; NaN without pairs."""
        if self.pairs is None:
            return concordance(self.times, score, self.stratum, count).estimate
        gap = score[:, None] - score[None, :]
        tolerance = PREDICTOR_TOLERANCE * float(np.ptp(score))
        win = (gap > tolerance) + 0.5 * (np.abs(gap) <= tolerance)
        total = count @ self.pairs @ count
        return float(count @ (self.pairs * win) @ count / total) if total > 0 else float("nan")


@checked
def bootstrap_concordance(
    frame: Frame,
    duration: str,
    event: str,
    covariates: Sequence[str],
    entry: str | None = None,
    strata: str | Sequence[str] | None = None,
    n_bootstrap: int = 300,
    seed: int = 0,
) -> pd.DataFrame:
    """Correct a model's concordance for optimism; one row.

    Each bootstrap sample draws patients with replacement (as counts), refits the model and takes the
    concordance in the sample less that on the original patients; the mean difference is the optimism
    (Harrell, Lee & Mark 1996). A refit whose likelihood rises for ever still ranks patients: its last
    coefficients are used, and such samples are counted in n_not_certified. Samples without events are
    left out; n_used counts the rest.
    """
    fit = fit_cox(frame, duration, event, covariates, entry=entry, strata=strata, cross_check=False)
    row: dict[str, object] = {"n": fit.data.n, "n_event": fit.data.n_event, "n_bootstrap": n_bootstrap}
    if fit.model is None:
        row |= {"n_used": 0, "n_not_certified": 0, "status": NOT_ESTIMABLE, "note": fit.note}
        return pd.DataFrame([row], columns=COLUMNS)
    differences, bad = _differences(fit, n_bootstrap, np.random.default_rng(seed))
    apparent = fit.concordance.estimate
    optimism = float(np.mean(differences)) if len(differences) else float("nan")
    row |= {"n_used": len(differences), "n_not_certified": bad, "concordance_apparent": apparent}
    row |= {"optimism": optimism, "concordance_corrected": apparent - optimism}
    row |= {
        "status": OK if len(differences) else NOT_ESTIMABLE,
        "note": "" if len(differences) else "No sample had events.",
    }
    return pd.DataFrame([row], columns=COLUMNS)


def _differences(fit: CoxFit, n_bootstrap: int, generator: np.random.Generator) -> tuple[list[float], int]:
    """Concordance in the sample less concordance on the patients, per sample; and refits not certified."""
    assert fit.model is not None
    times, stratum = fit.data.times, fit.data.stratum
    counter, ones = PairCounter(times, stratum), np.ones(len(times))
    differences, bad = [], 0
    for _ in range(n_bootstrap):
        count = np.bincount(generator.integers(0, len(times), len(times)), minlength=len(times)).astype(float)
        beta, certified = _refit(times, stratum, count, fit.model.x)
        if beta is None:
            continue
        score = fit.model.x @ beta
        difference = counter.estimate(score, count) - counter.estimate(score, ones)
        if np.isfinite(difference):
            differences.append(difference)
            bad += not certified
    return differences, bad


def _refit(times: Times, stratum: Ints, count: Floats, x: Floats) -> tuple[Floats | None, bool]:
    """Refit on a sample given as counts; coefficients of redundant columns are zero."""
    sets = build_risk_sets(times, stratum, count)
    start = evaluate(sets, x, np.zeros(x.shape[1])) if sets.n_event else None
    if start is None:
        return None, False
    _, _, independent = split_columns(start.information)
    beta = np.zeros(x.shape[1])
    if not independent.any():
        return beta, False
    null = start if independent.all() else None
    solution = maximise(
        cox_problem(sets, x if independent.all() else np.asfortranarray(x[:, independent])), null
    )
    beta[independent] = solution.beta
    return beta, solution.status == OK
