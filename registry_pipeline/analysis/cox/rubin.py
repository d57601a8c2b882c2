"""Rubin's rules: one estimate of several, each from a data set whose holes were filled anew.

Belongs here: pooling. Does not belong here: filling in (imputed.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.inputs import Floats


@dataclass(frozen=True)
class Pooled:
    """Rubin's rules for p coefficients: all (p,).

    variance_share_missing: the share of the variance that lies between the data sets (lambda of van Buuren 2018);
    fraction_missing: the fraction of information missing, which the degrees of freedom enter (fmi of R's mice).
    """

    estimate: Floats
    standard_error: Floats
    degrees_of_freedom: Floats
    variance_share_missing: Floats
    fraction_missing: Floats


@checked
def pool_rubin(estimates: Floats, variances: Floats, complete_freedom: float = np.inf) -> Pooled:
    """Pool estimates and variances, each (m, p), of m >= 2 imputed data sets.

    Total variance = mean variance within + (1 + 1/m) variance between (Rubin 1987). Degrees of freedom by
    Barnard & Rubin 1999, which do not exceed those of the complete data. Raises ValueError for other shapes.
    """
    if (m := len(estimates)) < 2 or estimates.shape != variances.shape:
        raise ValueError("estimates and variances must both be (m, p) of at least two imputed data sets")
    centre, within = estimates.mean(axis=0), variances.mean(axis=0)
    between = estimates.var(axis=0, ddof=1) * (1 + 1 / m)
    total = within + between
    share = np.divide(between, total, out=np.zeros_like(total), where=total > 0)
    with np.errstate(divide="ignore"):
        freedom = (m - 1) / share**2
    if np.isfinite(complete_freedom):
        observed = (complete_freedom + 1) / (complete_freedom + 3) * complete_freedom * (1 - share)
        freedom = 1 / (1 / freedom + 1 / np.maximum(observed, 1e-9))
    with np.errstate(divide="ignore", invalid="ignore"):
        increase = np.where(within > 0, between / within, 0.0)
        fraction = (increase + 2 / (freedom + 3)) / (increase + 1)
    return Pooled(centre, np.sqrt(total), freedom, share, np.where(between > 0, fraction, 0.0))
