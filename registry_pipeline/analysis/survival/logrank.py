"""Tests of equal survival between groups: log-rank and its weighted relatives.

Belongs here: the k-sample test, stratified or not, and the observed and expected counts behind it.
Does not belong here: Gray's test for competing risks (gray.py), searched cutpoints (cutpoint.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.distributions import chi_square_p
from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, OK, Floats, Frame, Ints
from registry_pipeline.analysis.product_limit import counts_at_events
from registry_pipeline.analysis.survival.permutation import (
    FEW_EXPECTED,
    N_PERMUTATIONS,
    SEED,
    PermutationP,
    permutation_p,
    rank_scores,
)
from registry_pipeline.analysis.times import Groups, Times, check_groups, check_times

COLUMNS = [
    "stratum_variable",
    "chi_square",
    "degrees_of_freedom",
    "p_value",
    "p_value_method",
    "asymptotic_p_value",
    "permutation_p_value",
    "n_permutations",
    "least_expected",
    "n",
    "n_event",
    "n_missing",
    "weighting",
    "status",
    "note",
]
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
    """The weighting as the two powers of Fleming and Harrington."""
    if weighting is None:
        return 0.0, 0.0
    if isinstance(weighting, str):
        return 1.0, 0.0
    return float(weighting[1]), float(weighting[2])


def quadratic_form(difference: Floats, covariance: Floats) -> tuple[float, int]:
    """Give the chi-square of a score vector and its degrees of freedom, the rank of its covariance."""
    scale = float(np.max(np.abs(np.diag(covariance)), initial=0.0))
    used = np.flatnonzero(np.diag(covariance) > 1e-12 * max(scale, 1e-300))
    if len(used) < 2:
        return float("nan"), 0
    independent = used[:-1]  # the scores sum to zero: one group says nothing new
    block = covariance[np.ix_(independent, independent)]
    return float(difference[independent] @ np.linalg.solve(block, difference[independent])), len(independent)


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
    frame: Frame,
    duration: str,
    event: str,
    by: str | Sequence[str],
    strata: str | Sequence[str] | None,
    entry: str | None,
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


@checked
def logrank_test(
    frame: Frame,
    duration: str,
    event: str,
    by: str | Sequence[str],
    strata: str | Sequence[str] | None = None,
    weighting: Weighting = None,
    entry: str | None = None,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = SEED,
) -> pd.DataFrame:
    """Test whether survival is equal in k groups; one row as `result.logrank_test`.

    weighting: None is the log-rank test, 'peto' weights by S(t-) (R survdiff rho = 1),
    ('fleming-harrington', p, q) by S(t-)^p (1 - S(t-))^q. strata: scores are summed over strata.
    p_value leads: asymptotic_p_value of the chi-square, but where a group expects fewer than 5 events the
    permutation_p_value (`permutation.py`); p_value_method says which. least_expected: of all groups.
    No events, or fewer than two groups at risk: status not_estimable with the reason, numbers NaN.
    Source: Harrington & Fleming 1982; chi-square and asymptotic p agree with R survdiff.
    """
    power = _power(weighting)
    times, groups, layers, n_missing = _prepare(frame, duration, event, by, strata, entry)
    test = _combine(times, groups, layers, power)
    chi_square, freedom = quadratic_form(test.observed - test.expected, test.covariance)
    reason = _why_not(len(times), int(times.event.sum()), groups.n_used, freedom, groups.variable)
    if reason:
        chi_square = float("nan")
    row = {
        "stratum_variable": groups.variable,
        "chi_square": chi_square,
        "degrees_of_freedom": freedom,
        "n": len(times),
        "n_event": int(times.event.sum()),
        "n_missing": n_missing,
        "weighting": _weighting_label(weighting),
    }
    plain = test if power == (0.0, 0.0) else _combine(times, groups, layers, (0.0, 0.0))
    expected = least_expected(plain.expected, groups)
    scores = rank_scores(times, power, None if layers is None else layers.code)
    leading = leading_p(
        chi_square, freedom, expected, reason,
        lambda: permutation_p(
            scores, groups.code, len(groups.labels), None if layers is None else layers.code, n_permutations, seed
        ),
    )  # fmt: skip
    return pd.DataFrame([row | leading], columns=COLUMNS)


def least_expected(expected: Floats, groups: Groups) -> tuple[float, str]:
    """The fewest events that any group with rows expects, and which group that is."""
    used = np.bincount(groups.code, minlength=len(groups.labels)) > 0
    if not used.any():
        return float("nan"), ""
    at = int(np.argmin(np.where(used, expected, np.inf)))
    return float(expected[at]), groups.labels[at]


def leading_p(
    chi_square: float,
    freedom: int,
    expected: tuple[float, str],
    reason: str,
    permute: Callable[[], PermutationP],
) -> dict[str, Any]:
    """The p value of a test that leads, the asymptotic one beside it, and why; reason: why there is no test."""
    asymptotic = chi_square_p(chi_square, freedom)
    row = {
        "p_value": asymptotic, "asymptotic_p_value": asymptotic, "permutation_p_value": float("nan"),
        "n_permutations": 0, "p_value_method": "chi-square", "least_expected": expected[0],
        "status": OK, "note": "",
    }  # fmt: skip
    if reason:
        return row | {"status": NOT_ESTIMABLE, "p_value_method": "", "note": reason}
    if expected[0] >= FEW_EXPECTED:
        return row
    dealt = permute()
    note = (
        f"Only {expected[0]:.1f} events are expected in {expected[1]}: the p value is by {dealt.method}, not by the "
        "chi-square approximation, and assumes that censoring does not depend on the group."
    )
    return row | {
        "p_value": dealt.p_value, "permutation_p_value": dealt.p_value, "n_permutations": dealt.n_permutations,
        "p_value_method": dealt.method, "note": note,
    }  # fmt: skip


def two_sample_p(times: Times, group: Ints, n_group: int) -> float:
    """The leading p value of the plain log-rank test on checked arrays; NaN without a comparison."""
    test = logrank_scores(times, group, n_group, (0.0, 0.0))
    chi_square, freedom = quadratic_form(test.observed - test.expected, test.covariance)
    if freedom == 0:
        return float("nan")
    if test.expected.min() >= FEW_EXPECTED:
        return chi_square_p(chi_square, freedom)
    return permutation_p(rank_scores(times), group, n_group).p_value


@checked
def logrank_groups(
    frame: Frame,
    duration: str,
    event: str,
    by: str | Sequence[str],
    strata: str | Sequence[str] | None = None,
    weighting: Weighting = None,
    entry: str | None = None,
) -> pd.DataFrame:
    """Give the (weighted) observed and expected events per group behind `logrank_test`."""
    times, groups, layers, n_missing = _prepare(frame, duration, event, by, strata, entry)
    test = _combine(times, groups, layers, _power(weighting))
    counts = np.bincount(groups.code, minlength=len(groups.labels))
    result = pd.DataFrame(
        {
            "stratum_variable": groups.variable,
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


def _weighting_label(weighting: Any) -> str:
    """Write the weighting as a word."""
    if weighting is None:
        return "logrank"
    return weighting if isinstance(weighting, str) else f"fleming-harrington({weighting[1]}, {weighting[2]})"
