"""Likelihood-ratio tests of some columns of a Cox model, valid where a level has hardly an event.

Belongs here: the plain likelihood with and without columns. Does not belong here: which tests lead (levels.py).

Wald's test of a level of 3 in 56 patients rejects 7 % of true hypotheses at 5 %, of 2 patients 11 %, the profile test of
Firth's penalised likelihood 8 %; the likelihood ratio 3 to 7 %, counting samples where the level has no event: there the
coefficient is infinite, but the likelihood has a highest value all the same (docs/statistics.md).
"""

from __future__ import annotations

import numpy as np

from registry_pipeline.analysis.cox.estimates import Model
from registry_pipeline.analysis.cox.likelihood import evaluate
from registry_pipeline.analysis.cox.newton import Problem, maximise
from registry_pipeline.analysis.cox.risk_sets import RiskSets
from registry_pipeline.analysis.inputs import Floats


def ratio_statistic(model: Model, at: list[int], is_maximum: bool) -> float:
    """Twice what the plain log-likelihood loses without the columns `at` of the model.

    is_maximum: the model is at the maximum of the plain likelihood (not of a penalised one).
    """
    others = np.ones(model.x.shape[1], dtype=bool)
    others[at] = False
    beta = model.scaled_beta
    full = model.evaluation.log_likelihood if is_maximum else highest(model.sets, model.x, beta)
    without = highest(model.sets, np.asfortranarray(model.x[:, others]), beta[others])
    return max(2 * (full - without), 0.0)


def highest(sets: RiskSets, x: Floats, start: Floats) -> float:
    """The highest value of the log-likelihood of x (n, q), or what it comes to where it rises for ever.

    start (q,): where the search begins; the coefficients of nearly the same columns save half of its steps.
    """
    around = Problem(x.shape[1], lambda step: evaluate(sets, x, start + step), lambda _: False)
    solution = maximise(around)
    return float("nan") if solution.evaluation is None else solution.evaluation.log_likelihood
