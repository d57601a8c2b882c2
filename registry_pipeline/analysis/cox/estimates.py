"""The numbers of a Cox fit: coefficients with their covariance, and the likelihood they come from.

Belongs here: estimates in the units of the frame, Wald limits and tests. Does not belong here: tables (result.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import erfc

import numpy as np

from registry_pipeline.analysis.cox.likelihood import Evaluation
from registry_pipeline.analysis.cox.newton import Standard
from registry_pipeline.analysis.cox.risk_sets import RiskSets
from registry_pipeline.analysis.distributions import normal_quantile
from registry_pipeline.analysis.inputs import Floats


@dataclass(frozen=True)
class Estimates:
    """Numbers of the estimated columns (q of them), in the units of the frame.

    beta, covariance, naive covariance (differs where clusters made it robust); lower, upper, p (q,) of the
    coefficients at `level`; log-likelihoods (penalised for Firth); sandwich: R's, without the correction for few
    clusters that `covariance` has.
    """

    beta: Floats
    covariance: Floats
    naive: Floats
    lower: Floats
    upper: Floats
    p_value: Floats
    log_likelihood: float
    log_likelihood_null: float
    sandwich: Floats | None = None
    level: float = 0.95

    def only(self, at: list[int]) -> Estimates:
        """Give the estimates of the chosen columns."""
        block = np.ix_(at, at)
        return replace(
            self,
            beta=self.beta[at],
            covariance=self.covariance[block],
            naive=self.naive[block],
            lower=self.lower[at],
            upper=self.upper[at],
            p_value=self.p_value[at],
            sandwich=None if self.sandwich is None else self.sandwich[block],
        )


@dataclass(frozen=True)
class Model:
    """The likelihood behind a fit: risk sets, independent columns (positions of terms), standardised (n, q) x with
    what was done to them, the solution scaled_beta (q,) and the evaluation there.
    """

    sets: RiskSets
    independent: tuple[int, ...]
    x: Floats
    standard: Standard
    scaled_beta: Floats
    evaluation: Evaluation

    @property
    def scale(self) -> Floats:
        """What each column was divided by, (q,)."""
        return self.standard.scale

    @property
    def shift(self) -> Floats:
        """How far the mean of each stratum lies above that of all, (strata, q); no rows of a single stratum."""
        return self.standard.shift


def wald(beta: Floats, covariance: Floats, level: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Give limits of coefficients and two-sided p values from the normal distribution."""
    error = np.sqrt(np.diag(covariance))
    half = normal_quantile(level) * error
    p_value = np.array([erfc(ratio) for ratio in np.abs(beta) / error / np.sqrt(2)])
    return beta - half, beta + half, p_value


def wald_statistic(beta: Floats, covariance: Floats) -> float:
    """The Wald chi-square of several coefficients together."""
    error = np.sqrt(np.diag(covariance))
    ratio = beta / error
    return float(ratio @ np.linalg.solve(covariance / np.outer(error, error), ratio))
