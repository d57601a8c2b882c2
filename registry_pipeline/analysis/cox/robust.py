"""Confidence limits of Cox coefficients when rows belong together and clusters are few.

Belongs here: leverage of clusters, the corrected sandwich and its t limits.
Does not belong here: the plain sandwich (proportional_hazards.robust_covariance).

The plain sandwich (Lin & Wei 1989, R's coxph) is too small with few clusters: at 56 patients of one to three
lesions its 95 % limits cover 92.5 %. So the limits come from the bias-corrected sandwich of Mancl & DeRouen
(2001), carried over to the Cox model by Wang, Turner & Li (2023, Biometrical Journal 65): each cluster's
score is divided by one minus its share of the information. The standard error shown is that of the limits; R's is
`Estimates.sandwich`. With many clusters the correction vanishes.
"""

from __future__ import annotations

import numpy as np

from registry_pipeline.analysis.counting import binned
from registry_pipeline.analysis.cox.likelihood import Evaluation
from registry_pipeline.analysis.cox.risk_sets import RiskSets, cumulate
from registry_pipeline.analysis.distributions import student_p, student_quantile
from registry_pipeline.analysis.inputs import Floats, Ints

LARGEST_LEVERAGE = 0.75  # as Fay & Graubard 2001
MANY_CLUSTERS = 2_000  # the correction is then below a thousandth of the standard error
NOTE = "Standard error, limits and p value by the bias-corrected sandwich (Mancl-DeRouen) with t quantiles."


def robust_wald(
    beta: Floats, covariance: Floats, n_clusters: int, level: float
) -> tuple[Floats, Floats, Floats]:
    """Limits and two-sided p values from the t distribution with clusters minus coefficients degrees of freedom."""
    error = np.sqrt(np.diag(covariance))
    freedom = n_clusters - len(beta)
    half = float(student_quantile(level, freedom)) * error
    return beta - half, beta + half, student_p(beta / error, freedom)


def corrected_covariance(
    sets: RiskSets, x: Floats, evaluation: Evaluation, residual: Floats, cluster: Ints
) -> Floats | None:
    """Sandwich covariance (p, p) on the scale of x with each cluster's score corrected for its leverage.

    residual (n, p): score residuals; cluster (n,): whose each row is. None from MANY_CLUSTERS clusters on.
    """
    number = np.unique(cluster, return_inverse=True)[1].astype(np.int64)
    size = int(number.max()) + 1
    if size >= MANY_CLUSTERS:
        return None
    score = np.column_stack([binned(number, sets.count * part, size) for part in residual.T])
    root = np.linalg.inv(np.linalg.cholesky(evaluation.information))
    share = root @ _information_by_cluster(sets, x, evaluation, number, size) @ root.T
    values, vectors = np.linalg.eigh(share)
    factor = 1 / (1 - np.clip(values, 0.0, LARGEST_LEVERAGE))
    turned = np.einsum("gji,gj->gi", vectors, score @ root.T)
    moved = np.einsum("gij,gj->gi", vectors, factor * turned) @ root
    return np.asarray(moved.T @ moved, dtype=np.float64)


def _information_by_cluster(
    sets: RiskSets, x: Floats, evaluation: Evaluation, number: Ints, size: int
) -> Floats:
    """Split the information over clusters, (clusters, p, p): hazard-weighted squares about the risk-set means.

    The sum over clusters is the information, but for Efron's weights within ties.
    """
    steps, p = evaluation.steps, x.shape[1]
    mean = steps.mean_hazard / steps.hazard[:, None]
    level, first = cumulate(sets, steps.hazard), cumulate(sets, steps.mean_hazard)
    weight = sets.count * evaluation.risk(x)
    out = np.empty((size, p, p))
    for i in range(p):
        for j in range(i + 1):
            second = cumulate(sets, steps.mean_hazard[:, i] * mean[:, j])
            square = x[:, i] * x[:, j] * level - x[:, i] * first[:, j] - x[:, j] * first[:, i] + second
            out[:, i, j] = out[:, j, i] = binned(number, weight * square, size)
    return out
