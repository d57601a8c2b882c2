"""Gray's test: is the cumulative incidence of one cause equal in k groups?

Belongs here: the k-sample test for subdistributions without strata.
Does not belong here: the curves (analysis/survival/cumulative_incidence.py), the log-rank test (logrank.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.counting import binned
from registry_pipeline.analysis.cox.subdistribution import (
    EMPTY_NOTE,
    evaluate_weighted,
    row_sums,
    weight_rows,
)
from registry_pipeline.analysis.inputs import Floats, Frame, Ints
from registry_pipeline.analysis.product_limit import counts_at_events, curve_of
from registry_pipeline.analysis.survival.logrank import leading_p, least_expected, quadratic_form
from registry_pipeline.analysis.survival.permutation import N_PERMUTATIONS, SEED, permutation_p
from registry_pipeline.analysis.times import Groups, Times, check_groups, check_times

COLUMNS = [
    "stratum_variable",
    "cause",
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
    "status",
    "note",
]


@dataclass(frozen=True)
class GroupCurves:
    """Per event time (rows) and group (columns), K x G: what Gray's score and variance are made of.

    at_risk, own, other: counts; before, after: Kaplan-Meier of any event left and right of the time;
    incidence_before: incidence of the cause just before it.
    """

    at_risk: Floats
    own: Floats
    other: Floats
    before: Floats
    after: Floats
    incidence_before: Floats


def group_curves(times: Times, group: Ints, n_group: int, cause: int) -> GroupCurves:
    """Tabulate the groups at the times of any event."""
    is_own = times.event == cause
    at_risk, leaving = counts_at_events(times, group, n_group, is_own, (times.event > 0) & ~is_own)
    at_risk, own, other = (table.T for table in (at_risk, *leaving))
    share = np.divide(own + other, at_risk, out=np.zeros_like(own), where=at_risk > 0)
    after = np.cumprod(1 - share, axis=0)
    before = _lagged(after, 1.0)
    jump = np.divide(before * own, at_risk, out=np.zeros_like(own), where=at_risk > 0)
    return GroupCurves(at_risk, own, other, before, after, _lagged(np.cumsum(jump, axis=0), 0.0))


def _lagged(values: Floats, first: float) -> Floats:
    """Values just before each time."""
    return np.concatenate([np.full((1, *values.shape[1:]), first), values[:-1]])[: len(values)]


def gray_scores(curves: GroupCurves) -> tuple[Floats, Floats]:
    """Compute the score (G,) and its covariance (G, G), weight 1 (Gray 1988, rho = 0).

    With h_g = n_g / S_g(t-): the score compares a group's events with its share of the pooled
    subdistribution hazard; the covariance adds what events of the cause and of the others contribute through
    the estimated curves, ties with the hypergeometric correction. As R's cmprsk::cuminc.
    """
    risky = curves.at_risk > 0
    h = np.divide(curves.at_risk, curves.before, out=np.zeros_like(curves.before), where=risky)
    total, own = h.sum(axis=1), curves.own.sum(axis=1)
    pooled = np.cumsum(own / total)
    remaining = h * (1 - curves.incidence_before)
    score = (curves.own - own[:, None] * remaining / remaining.sum(axis=1)[:, None]).sum(axis=0)
    a = np.einsum("ti,ij->tij", h, np.eye(h.shape[1])) - h[:, :, None] * h[:, None, :] / total[:, None, None]
    rate = own / (total * (1 - _lagged(pooled, 0.0)))
    c = np.cumsum(a * rate[:, None, None], axis=0)
    left = c[-1][None] - c
    alive = curves.after > 0
    ratio = np.divide((1 - pooled)[:, None], curves.after, out=np.zeros_like(curves.after), where=alive)
    own_effect = a + left * (1 - ratio)[:, None, :]
    covariance = np.einsum("tik,tjk,tk->ij", own_effect, own_effect, _own_variance(curves, total, own))
    other_effect = left * ratio[:, None, :]
    covariance += np.einsum("tik,tjk,tk->ij", other_effect, other_effect, _other_variance(curves))
    return score, covariance


def _own_variance(curves: GroupCurves, total: Floats, own: Floats) -> Floats:
    """Variance of the jumps of the cause of interest in each group, K x G, zero where nobody is at risk."""
    risky = (curves.at_risk > 0) & (own > 0)[:, None]
    expected = total[:, None] * curves.before
    tie = np.divide(
        own[:, None] - 1, expected - 1, out=np.zeros_like(expected), where=(own > 1)[:, None] & risky
    )
    scale = np.divide(
        curves.before, total[:, None] * curves.at_risk, out=np.zeros_like(expected), where=risky
    )
    value: Floats = (1 - tie) * scale * own[:, None]
    return value


def _other_variance(curves: GroupCurves) -> Floats:
    """Variance of the jumps of competing causes in each group, K x G."""
    used = (curves.other > 0) & (curves.after > 0)
    n, d = curves.at_risk, curves.other
    tie = np.divide(d - 1, n - 1, out=np.zeros_like(n), where=used & (d > 1))
    value: Floats = np.divide((1 - tie) * curves.before**2 * d, n**2, out=np.zeros_like(n), where=used)
    return value


@checked
def gray_test(
    frame: Frame,
    duration: str,
    event: str,
    by: str | Sequence[str],
    cause: int = 1,
    n_permutations: int = N_PERMUTATIONS,
    seed: int = SEED,
    entry: str | None = None,
) -> pd.DataFrame:
    """Test whether the incidence of `cause` is equal in the groups of `by`; one row.

    event: 0 censored, 1, 2, ... Rows whose group is missing are left out and counted. p_value leads: that of the
    chi-square, but where a group expects fewer than 5 events of the cause the permutation p of the subdistribution
    scores (Fine and Gray's at no effect, whose sums over groups are the score of Gray's test with censoring pooled).
    entry: left truncation; where the risk set of a group empties before its next patient enters there is no test.
    Without events of the cause, or with fewer than two groups: status not_estimable with the reason, numbers NaN.
    """
    times = check_times(frame, duration, event, entry, competing=True)
    groups = check_groups(frame, by, len(times))
    if groups.n_missing:
        times = times.take(groups.code >= 0)
    classified = groups.take(groups.code >= 0)
    n_event = int((times.event == cause).sum())
    chi_square, freedom = float("nan"), 0
    expected: tuple[float, str] = (float("nan"), "")
    reason = _why_not(len(times), groups.n_used, n_event, groups.variable, cause)
    reason = reason or _emptied(times, classified, cause)
    if not reason:
        curves = group_curves(times, classified.code, len(groups.labels), cause)
        chi_square, freedom = quadratic_form(*gray_scores(curves))
        scores, own = subdistribution_scores(times, cause)
        expected = least_expected(binned(classified.code, own, len(groups.labels)), classified)
        reason = "" if freedom else "The groups were never at risk together."
    row = {
        "stratum_variable": groups.variable, "cause": cause, "chi_square": chi_square,
        "degrees_of_freedom": freedom, "n": len(times), "n_event": n_event, "n_missing": groups.n_missing,
    }  # fmt: skip
    leading = leading_p(
        chi_square, freedom, expected, reason,
        lambda: permutation_p(scores, classified.code, len(groups.labels), None, n_permutations, seed),
    )  # fmt: skip
    return pd.DataFrame([row | leading], columns=COLUMNS)


def subdistribution_scores(times: Times, cause: int) -> tuple[Floats, Floats]:
    """Each row's score of the subdistribution hazard at no effect, and the events it expects: two (n,)."""
    weighted = weight_rows(times, cause)
    point = evaluate_weighted(weighted, np.zeros((len(times), 0)), np.zeros(0))
    if point is None:
        raise ArithmeticError("the subdistribution likelihood cannot be computed")
    expected = row_sums(weighted, weighted.n_dying / point.total)
    return (times.event == cause) - expected, expected


def _emptied(times: Times, groups: Groups, cause: int) -> str:
    """Say which group delayed entry leaves without patients before its next one enters, or nothing."""
    if times.entry is None:
        return ""
    if weight_rows(times, cause).is_empty_between:
        return EMPTY_NOTE
    for code, name in enumerate(groups.labels):
        rows = groups.code == code
        if rows.any() and np.isfinite(curve_of(times.take(rows)).empty):
            return f"{name}: {EMPTY_NOTE}"
    return ""


def _why_not(n: int, n_group: int, n_event: int, by: str, cause: int) -> str:
    """Say why there is no test, or nothing."""
    if not n:
        return "There are no patients."
    if n_group < 2:
        return f"{by} has only one group; a comparison needs two."
    return "" if n_event else f"There are no events of cause {cause}."
