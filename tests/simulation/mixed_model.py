"""The mixed model of growth by a second, fast search: what 2,000 replicates can afford.

Belongs here: the likelihood of registry_pipeline.analysis.growth.serial, all lesions at once. A test shows that
both give the same rate and standard error. Does not belong here: drawing lesions, intervals.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

Floats = np.ndarray


def _sums(frame: pd.DataFrame) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Sums per lesion of 1, t, t^2, of y, t y and of y^2, time being centred and scaled; and both numbers."""
    months, log_size = frame["x"].to_numpy(), np.log(frame["y"].to_numpy())
    centre, scale = months.mean(), months.std()
    design = np.column_stack([np.ones(len(months)), (months - centre) / scale])
    owner = np.unique(frame["lesion"], return_inverse=True)[1]
    size = int(owner.max()) + 1
    inner, crossed = np.zeros((size, 2, 2)), np.zeros((size, 2))
    np.add.at(inner, owner, design[:, :, None] * design[:, None, :])
    np.add.at(crossed, owner, design * log_size[:, None])
    return inner, crossed, np.bincount(owner, log_size**2), np.bincount(owner), np.array([centre, scale])


def _solved(root: Floats, sums: tuple[Floats, ...]) -> tuple[float, Floats, Floats, float]:
    """Twice the negative log-likelihood, fixed effects, their information and the residual variance.

    root: lower triangle of the Cholesky factor of the random effects' covariance, in residual variances.
    """
    inner, crossed, square, count, _ = sums
    factor = np.array([[root[0], 0.0], [root[1], root[2]]])
    left = inner @ factor
    middle = np.eye(2) + factor.T @ left
    inverse = np.linalg.inv(middle)
    information = (inner - left @ inverse @ left.transpose(0, 2, 1)).sum(axis=0)
    pulled = np.einsum("gij,gj->gi", inverse, crossed @ factor)
    score = (crossed - np.einsum("gij,gj->gi", left, pulled)).sum(axis=0)
    own = float(square.sum() - np.einsum("gi,gi->", crossed @ factor, pulled))
    beta = np.linalg.solve(information, score)
    n = int(count.sum())
    variance = (own - float(score @ beta)) / n
    deviance = n * np.log(variance) + float(np.log(np.linalg.det(middle)).sum())
    return deviance, beta, information, variance


def mean_rate(frame: pd.DataFrame) -> tuple[float, float]:
    """The mean growth rate per month over lesions (columns lesion, x months, y mm) and its standard error."""
    from scipy.optimize import minimize

    sums = _sums(frame)
    found = minimize(lambda root: _solved(root, sums)[0], np.array([3.0, 0.0, 1.0]), method="BFGS",
                     options={"gtol": 1e-4})  # fmt: skip
    _, beta, information, variance = _solved(found.x, sums)
    error = np.sqrt(variance * np.linalg.inv(information)[1, 1])
    scale = float(sums[4][1])
    return float(beta[1]) / scale, float(error) / scale
