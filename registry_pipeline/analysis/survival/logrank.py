"""Tests of equal survival between groups: log-rank and its weighted relatives.

Belongs here: the k-sample test, stratified or not, and the observed and expected counts behind it.
Does not belong here: Gray's test for competing risks (gray.py), searched cutpoints (cutpoint.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.analysis.inputs import (
    NOT_ESTIMABLE,
    OK,
    Floats,
    Frame,
    Groups,
    Ints,
    Times,
    check_groups,
    check_times,
)
from registry_pipeline.analysis.product_limit import counts_at_events

COLUMNS = [
    "stratum_variable",
    "chi_square",
    "degrees_of_freedom",
    "p_value",
    "n",
    "n_event",
    "n_missing",
    "weighting",
    "status",
    "note",
]
FEW_EVENTS = 5
Weighting = str | tuple[str, float, float] | None


@dataclass(frozen=True)
class ScoreTest:
    """Weighted observed and expected events per group, and the covariance of their difference."""

    observed: Floats
    expected: Floats
    covariance: Floats


def logrank_scores(times: Times, group: Ints, n_group: int, power: tuple[float, float]) -> ScoreTest:
    """Compute weighted observed and expected events of one stratum.

    Weights are S(t-)^p (1 - S(t-))^q with S the pooled Kaplan-Meier just before t; ties by the
    hypergeometric variance. Shapes: (n_group,), (n_group,), (n_group, n_group).
    """
    at_risk, (dead,) = counts_at_events(times, group, n_group, times.event > 0)
    n, d = at_risk.sum(axis=0), dead.sum(axis=0)
    weight = _weight(n, d, power)
    share = at_risk / np.maximum(n, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(n > 1, weight**2 * d * (n - d) / (n - 1), 0.0)
    mixed = (share * scale) @ share.T
    return ScoreTest(dead @ weight, share @ (weight * d), np.diag(share @ scale) - mixed)


def _weight(n: Floats, d: Floats, power: tuple[float, float]) -> Floats:
    """Fleming-Harrington weights from the pooled curve just before each event time."""
    if power == (0.0, 0.0):
        return np.ones_like(n)
    curve = np.cumprod(1 - d / n)
    before = np.concatenate(([1.0], curve[:-1]))[: len(n)]
    weight: Floats = before ** power[0] * (1 - before) ** power[1]
    return weight


def _power(weighting: Weighting) -> tuple[float, float]:
    """Read the weighting argument as the two powers of Fleming and Harrington."""
    if weighting is None:
        return 0.0, 0.0
    if weighting == "peto":
        return 1.0, 0.0
    if isinstance(weighting, tuple) and len(weighting) == 3 and weighting[0] == "fleming-harrington":
        return float(weighting[1]), float(weighting[2])
    raise ValueError("weighting must be None, 'peto' or ('fleming-harrington', p, q)")


def quadratic_form(difference: Floats, covariance: Floats) -> tuple[float, int]:
    """Give the chi-square of a score vector and its degrees of freedom, the rank of its covariance."""
    scale = float(np.max(np.abs(np.diag(covariance)), initial=0.0))
    used = np.flatnonzero(np.diag(covariance) > 1e-12 * max(scale, 1e-300))
    if len(used) < 2:
        return float("nan"), 0
    kept = used[:-1]  # the scores sum to zero: one group says nothing new
    block = covariance[np.ix_(kept, kept)]
    return float(difference[kept] @ np.linalg.solve(block, difference[kept])), len(kept)


def _combine(times: Times, groups: Groups, strata: Groups | None, power: tuple[float, float]) -> ScoreTest:
    """Add the scores of all strata."""
    k = len(groups.labels)
    if strata is None:
        return logrank_scores(times, groups.code, k, power)
    total = ScoreTest(np.zeros(k), np.zeros(k), np.zeros((k, k)))
    for code in range(len(strata.labels)):
        rows = strata.code == code
        part = logrank_scores(times.take(rows), groups.code[rows], k, power)
        total = ScoreTest(
            total.observed + part.observed,
            total.expected + part.expected,
            total.covariance + part.covariance,
        )
    return total


def _prepare(
    frame: Frame, duration: str, event: str, by: str, strata: str | None, entry: str | None
) -> tuple[Times, Groups, Groups | None, int]:
    """Read the frame and leave out rows whose group or stratum is missing."""
    times = check_times(frame, duration, event, entry)
    groups = check_groups(frame, by, len(times))
    layers = None if strata is None else check_groups(frame, strata, len(times))
    keep = groups.code >= 0 if layers is None else (groups.code >= 0) & (layers.code >= 0)
    n_missing = len(keep) - int(keep.sum())
    if not n_missing:
        return times, groups, layers, 0
    return times.take(keep), groups.take(keep), None if layers is None else layers.take(keep), n_missing


def logrank_test(
    frame: Frame,
    duration: str,
    event: str,
    by: str,
    strata: str | None = None,
    weighting: Weighting = None,
    entry: str | None = None,
) -> pd.DataFrame:
    """Test whether survival is equal in k groups; one row as `result.logrank_test`.

    weighting: None is the log-rank test, 'peto' weights by S(t-) (R survdiff rho = 1),
    ('fleming-harrington', p, q) by S(t-)^p (1 - S(t-))^q. strata: scores are summed over strata.
    No events, or fewer than two groups at risk: status not_estimable with the reason, numbers NaN.
    Source: Harrington & Fleming 1982; agrees with R survdiff.
    """
    power = _power(weighting)
    times, groups, layers, n_missing = _prepare(frame, duration, event, by, strata, entry)
    n_event = int(times.event.sum())
    test = _combine(times, groups, layers, power)
    chi_square, freedom = quadratic_form(test.observed - test.expected, test.covariance)
    reason = _why_not(len(times), n_event, groups.n_used, freedom, by)
    if reason:
        chi_square = float("nan")
    values = [by, chi_square, freedom, chi_square_p(chi_square, freedom), len(times), n_event, n_missing]
    row = [
        *values,
        _weighting_label(weighting),
        NOT_ESTIMABLE if reason else OK,
        reason or few_events(n_event) or _few_expected(times, groups, layers, test, power),
    ]
    return pd.DataFrame([dict(zip(COLUMNS, row, strict=True))])


def logrank_groups(
    frame: Frame, duration: str, event: str, by: str, strata: str | None = None, weighting: Weighting = None
) -> pd.DataFrame:
    """Give the (weighted) observed and expected events per group behind `logrank_test`."""
    times, groups, layers, n_missing = _prepare(frame, duration, event, by, strata, None)
    test = _combine(times, groups, layers, _power(weighting))
    counts = np.bincount(groups.code, minlength=len(groups.labels))
    result = pd.DataFrame(
        {
            "stratum_variable": by,
            "stratum": list(groups.labels),
            "n": counts,
            "observed": test.observed,
            "expected": test.expected,
        }
    )
    result.attrs["n_missing"] = n_missing
    return result


def _why_not(n: int, n_event: int, n_group: int, freedom: int, by: str) -> str:
    """Say in a sentence why there is no test, or nothing."""
    if n == 0:
        return "There are no patients."
    if n_group < 2:
        return f"{by} has only one group; a comparison needs two."
    if n_event == 0:
        return "There are no events."
    if freedom == 0:
        return "No event happened while two groups were at risk."
    return ""


def few_events(n_event: int) -> str:
    """Warn of a test that rests on almost nothing."""
    if n_event >= FEW_EVENTS:
        return ""
    return (
        f"Only {n_event} {'event' if n_event == 1 else 'events'}: the p value is an approximation for many."
    )


def _few_expected(
    times: Times, groups: Groups, layers: Groups | None, test: ScoreTest, power: tuple[float, float]
) -> str:
    """Warn of a group in which hardly any event is expected."""
    plain = test if power == (0.0, 0.0) else _combine(times, groups, layers, (0.0, 0.0))
    least = int(np.argmin(plain.expected))
    if plain.expected[least] >= FEW_EVENTS:
        return ""
    return (
        f"Only {plain.expected[least]:.1f} events are expected in {groups.labels[least]}: the p value is an "
        "approximation for many."
    )


def _weighting_label(weighting: Any) -> str:
    """Write the weighting as a word."""
    if weighting is None:
        return "logrank"
    return weighting if isinstance(weighting, str) else f"fleming-harrington({weighting[1]}, {weighting[2]})"


def chi_square_p(statistic: float, freedom: int) -> float:
    """Upper tail of the chi-square distribution; NaN when there is no test.

    In closed form for whole degrees of freedom (Abramowitz & Stegun 26.4.4 and 26.4.5): loading a library of
    special functions would take longer than most tests.
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
