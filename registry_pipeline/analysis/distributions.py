"""Quantiles, tails and limits of standard distributions, and p values of many tests at once.

Belongs here: what needs no frame and no patient. Does not belong here: any estimate.

SciPy's special functions are loaded when they are first needed; ``scipy.stats``, which asks the same ones, nowhere:
loading it takes longer than most estimates of a registry.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.inputs import Floats

Z95 = 1.959963984540054  # 0.975 quantile of the normal distribution


def normal_quantile(level: float) -> float:
    """Give the multiple of the standard error of a two-sided normal interval of this level (0.95: 1.96)."""
    if level == 0.95:
        return Z95
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))


def chi_square_p(statistic: float, freedom: int) -> float:
    """Upper tail of the chi-square distribution; NaN when there is no test.

    In closed form for whole degrees of freedom (Abramowitz & Stegun 26.4.4 and 26.4.5).
    """
    if freedom < 1 or not math.isfinite(statistic):
        return float("nan")
    half = max(statistic, 0.0) / 2
    power = 0.5 if freedom % 2 else 0.0
    tail = math.erfc(math.sqrt(half)) if freedom % 2 else 0.0
    term = math.exp(-half) * half**power / math.gamma(power + 1)
    while power < freedom / 2:
        tail += term
        power += 1
        term *= half / power
    return tail


def chi_square_quantile(share: float, freedom: float) -> float:
    """Quantile of the chi-square distribution."""
    from scipy.special import gammaincinv

    return 2 * float(gammaincinv(freedom / 2, share))


def student_quantile(level: float, freedom: npt.ArrayLike) -> Floats:
    """Multiples of the standard error of two-sided t intervals of this level; NaN without degrees of freedom."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(freedom, (1 + level) / 2))


def student_p(ratio: npt.ArrayLike, freedom: npt.ArrayLike) -> Floats:
    """Two-sided p values of estimates over their standard errors, by the t distribution."""
    from scipy.special import stdtr

    return np.asarray(2 * stdtr(freedom, -np.abs(ratio)))


def poisson_quantile(share: float, expected: Floats) -> Floats:
    """The smallest counts that at least this share of Poisson variables of these means does not exceed."""
    from scipy.special import pdtr, pdtrik

    count = np.ceil(pdtrik(share, expected))
    lesser = np.maximum(count - 1, 0)
    return np.asarray(np.where(pdtr(lesser, expected) >= share, lesser, count))


def poisson_p(count: int, expected: float) -> float:
    """Exact two-sided p value of a count against its expectation: the smaller tail doubled."""
    from scipy.special import pdtr, pdtrc

    tails = float(pdtr(count, expected)), float(pdtrc(count - 1, expected)) if count else 1.0
    return min(2 * min(tails), 1.0)


def _check_counts(count: int, n: int) -> None:
    """Refuse counts that are no part of a whole."""
    if n < 0 or count < 0 or count > n:
        raise ValueError("a proportion needs 0 <= count <= n")


@checked
def exact_proportion_ci(count: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper-Pearson limits of a proportion (Clopper & Pearson 1934).

    Of none the lower limit is 0 and of all the upper is 1, and the other limit then is two-sided all the
    same: 0 of 19 gives (0, 0.176). n = 0 gives NaN for both.
    """
    from scipy.special import betaincinv

    _check_counts(count, n)
    if n == 0:
        return float("nan"), float("nan")
    alpha = 1 - level
    lower = 0.0 if count == 0 else float(betaincinv(count, n - count + 1, alpha / 2))
    upper = 1.0 if count == n else float(betaincinv(count + 1, n - count, 1 - alpha / 2))
    return lower, upper


@checked
def exact_rate_ci(count: int, exposure: float, level: float = 0.95) -> tuple[float, float]:
    """Exact Poisson limits of a rate, events per unit of exposure (Garwood 1936); NaN without exposure.

    With expected events as exposure these are the limits of a standardised ratio.
    """
    from scipy.special import gammaincinv

    if exposure <= 0:
        return float("nan"), float("nan")
    alpha = 1 - level
    lower = 0.0 if count == 0 else float(gammaincinv(count, alpha / 2))
    return lower / exposure, float(gammaincinv(count + 1, 1 - alpha / 2)) / exposure


@checked
def wilson_ci(count: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score limits of a proportion (Wilson 1927); NaN for n = 0."""
    _check_counts(count, n)
    if n == 0:
        return float("nan"), float("nan")
    z = normal_quantile(level)
    share, z2 = count / n, z**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z2 / (4 * n**2)) / (1 + z2 / n)
    return float(max(centre - half, 0.0)), float(min(centre + half, 1.0))


@checked
def false_discovery_p(p_values: Sequence[float]) -> Floats:
    """P values adjusted for the false discovery rate among the tests that are given (Benjamini & Hochberg 1995).

    NaN (no test) stays NaN and is not counted. Of exploratory comparisons with an adjusted p of at most q, a share
    q is expected to be false.

    Raises:
        ValueError: one is less than 0 or more than 1.
    """
    values = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(len(values), np.nan)
    if ((values < 0) | (values > 1)).any():
        raise ValueError("p values lie between 0 and 1")
    n = int((~np.isnan(values)).sum())
    if n:  # as scipy.stats.false_discovery_control, which takes longer to load than all tests of a registry
        order = np.argsort(values)[:n]  # NaN comes last
        scaled = values[order] * (n / np.arange(1, n + 1))
        adjusted[order] = np.clip(np.minimum.accumulate(scaled[::-1])[::-1], 0, 1)
    return adjusted
