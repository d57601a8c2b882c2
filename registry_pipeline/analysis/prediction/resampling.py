"""Models refitted to resampled patients, by which what flatters a model on its own patients is measured.

Belongs here: drawing and refitting. Does not belong here: what is judged (accuracy.py, calibration.py).

Harrell, Lee & Mark 1996: what a model of resampled patients says of these less what it says of the patients themselves
is, on average, by how much the model of the patients flatters itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from registry_pipeline.analysis.cox.likelihood import evaluate
from registry_pipeline.analysis.cox.newton import cox_problem, maximise, split_columns
from registry_pipeline.analysis.cox.result import CoxFit
from registry_pipeline.analysis.cox.risk_sets import build_risk_sets
from registry_pipeline.analysis.inputs import Floats, Ints
from registry_pipeline.analysis.times import Times


@dataclass(frozen=True)
class Refit:
    """A model of some rows: their times, its log hazard for them and for everybody, its baseline's steps."""

    sample: Times
    sample_score: Floats
    score: Floats
    time: Floats
    cumulative: Floats

    def survival(self, score: Floats, mark: float) -> Floats:
        """Predicted survival (n,) at a time."""
        upto = int(np.searchsorted(self.time, mark, side="right"))
        hazard = self.cumulative[upto - 1] if upto else 0.0
        return np.asarray(np.exp(-hazard * np.exp(score)), dtype=np.float64)


def refits(fit: CoxFit, n_bootstrap: int, seed: int, last: float) -> Iterator[Refit]:
    """Models of resampled patients that are followed beyond `last`; samples that bear none are left out."""
    assert fit.model is not None
    times, generator = fit.data.times, np.random.default_rng(seed)
    for _ in range(n_bootstrap):
        sample_model = refit(times, fit.model.x, generator.integers(0, len(times), len(times)), last)
        if sample_model is not None:
            yield sample_model


def refit(times: Times, x: Floats, rows: Ints, last: float) -> Refit | None:
    """The model of some rows of x (n, p); None where they bear none, or are not followed beyond `last`."""
    sample, columns = times.take(rows), np.asfortranarray(x[rows])
    sets = build_risk_sets(sample, np.zeros(len(sample), dtype=np.int64), np.ones(len(sample)))
    start = evaluate(sets, columns, np.zeros(x.shape[1])) if sets.n_event > 1 else None
    if start is None or sample.duration.max() <= last:
        return None
    _, _, is_independent = split_columns(start.information)
    if not is_independent.any():
        return None
    solution = maximise(cox_problem(sets, np.asfortranarray(columns[:, is_independent])))
    if solution.evaluation is None:
        return None
    beta = np.zeros(x.shape[1])
    beta[is_independent] = solution.beta
    cumulative = np.cumsum(solution.evaluation.steps.hazard)
    return Refit(sample, columns @ beta, x @ beta, sets.time, cumulative)
