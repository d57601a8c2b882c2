"""Standardised differences between groups.

For numbers (m1 - m2) / sqrt((s1^2 + s2^2) / 2), for categories the Mahalanobis distance of the
level proportions (Austin 2009; Yang and Dalton 2012); with more than two groups the largest
of the pairs. Missing values are left out of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.reporting.document.wording import NOT_GIVEN, number
from registry_pipeline.reporting.release.disclosure.suppression import Counts

FEW_VALUES = 5  # fewer have no spread worth dividing by


def number_difference(parts: Sequence[pd.Series], family: Sequence[int]) -> str:
    """The largest standardised difference of a number between groups.

    Args:
        parts: the values of each column of the table; family: positions of the groups.
    """
    numbers = [parts[i].dropna().to_numpy(float) for i in family]
    pairs = [(a, b) for a, b in combinations(numbers, 2) if min(len(a), len(b)) >= FEW_VALUES]
    scales = [float(np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)) for a, b in pairs]
    return _largest(
        abs(float(a.mean() - b.mean())) / scale
        for (a, b), scale in zip(pairs, scales, strict=True)
        if scale > 0
    )


def category_difference(counts: Counts) -> str:
    """The largest distance of the proportions of levels between groups (levels by groups)."""
    shares = counts / np.maximum(counts.sum(axis=0), 1)
    filled = [i for i in range(counts.shape[1]) if counts[:, i].sum() >= FEW_VALUES]
    return _largest(_distance(shares[:, a], shares[:, b]) for a, b in combinations(filled, 2))


def _distance(first: Any, second: Any) -> float:
    """Mahalanobis distance of two vectors of proportions, the first level left out."""
    a, b = first[1:], second[1:]
    if not len(a):
        return 0.0
    covariance = (np.diag(a) - np.outer(a, a) + np.diag(b) - np.outer(b, b)) / 2
    gap = a - b
    solved = np.linalg.pinv(covariance) @ gap
    if not np.allclose(covariance @ solved, gap, atol=1e-9):
        return np.inf  # a group without any spread, unlike the other
    return float(np.sqrt(max(gap @ solved, 0.0)))


def _largest(distances: Iterable[float]) -> str:
    finite = [distance for distance in distances if np.isfinite(distance)]
    return number(max(finite), 2) if finite else NOT_GIVEN
