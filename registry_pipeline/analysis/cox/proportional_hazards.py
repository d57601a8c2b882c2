"""What a fitted Cox model leaves behind: score residuals, Schoenfeld residuals, the proportional-hazards test.

Belongs here: Grambsch and Therneau's score test, influence of rows, robust covariance.
Does not belong here: the fit (analysis/cox/newton.py), tables of terms (analysis/cox/result.py).
"""

from __future__ import annotations

import numpy as np

from registry_pipeline.analysis.counting import binned
from registry_pipeline.analysis.cox.likelihood import Evaluation, weighted_information
from registry_pipeline.analysis.cox.risk_sets import RiskSets, cumulate
from registry_pipeline.analysis.inputs import Floats, Ints
from registry_pipeline.analysis.product_limit import RiskTable, product_limit
from registry_pipeline.analysis.times import Times

TRANSFORMS = ("km", "rank", "identity")


def score_residuals(sets: RiskSets, x: Floats, evaluation: Evaluation) -> Floats:
    """Split the score over rows, shape (n, p), each row counted once; exact for Efron's ties.

    A row's part: its covariates less the risk-set mean when it dies, less the same weighted by its hazard
    for every death time it lives through (Therneau & Grambsch 2000, 4.6; R residuals.coxph).
    """
    steps, risk = evaluation.steps, evaluation.risk(x)
    hazard = cumulate(sets, steps.hazard)
    out = np.empty(x.shape, order="F")
    for j in range(x.shape[1]):
        out[:, j] = risk * (cumulate(sets, steps.mean_hazard[:, j]) - hazard * x[:, j])
    dies, at = sets.death_row, sets.death_index
    back = steps.hazard_dying[at][:, None] * x[dies] - steps.mean_hazard_dying[at]
    out[dies] += schoenfeld_residuals(sets, x, evaluation) + risk[dies, None] * back
    return out


def schoenfeld_residuals(sets: RiskSets, x: Floats, evaluation: Evaluation) -> Floats:
    """Covariates of the dying less their expectation, one row per death in `sets.death_row`, shape (m, p)."""
    weight = np.ones(sets.n_event) if sets.tie_weight is None else sets.tie_weight
    total = binned(sets.tie_index, weight, sets.n_time)
    mean = evaluation.steps.mean / total[:, None]
    residual: Floats = x[sets.death_row] - mean[sets.death_index]
    return residual


def robust_covariance(influence: Floats, count: Floats, cluster: Ints | None) -> Floats:
    """Sandwich covariance from the influence of rows (n, p): Lin & Wei 1989, summed within clusters."""
    if cluster is None:
        weighted = influence * np.sqrt(count)[:, None]
        return np.asarray(weighted.T @ weighted, dtype=np.float64)
    size = int(cluster.max(initial=-1)) + 1
    columns = [binned(cluster, count * part, size) for part in influence.T]
    summed = np.column_stack(columns)
    return np.asarray(summed.T @ summed, dtype=np.float64)


def transformed_time(times: Times, count: Floats, transform: str) -> Floats:
    """Give g(t) of each row: one minus the left-continuous Kaplan-Meier, the rank, or the time itself."""
    if transform not in TRANSFORMS:
        raise ValueError(f"transform must be one of {', '.join(TRANSFORMS)}")
    if transform == "identity":
        return times.duration
    time, position = times.distinct
    leaving = binned(position, count, len(time))
    upto = np.cumsum(leaving)
    if transform == "rank":
        return ((2 * upto - leaving + 1) / 2)[position]
    dying = binned(position, count * (times.event > 0), len(time))
    present = upto[-1:] - upto + leaving
    if times.entry is not None:
        late = binned(np.searchsorted(time, times.entry, side="right"), count, len(time) + 1)
        present -= upto[-1:] - np.cumsum(late)[:-1]
    whole = [values.astype(np.int64) for values in (present, dying, leaving - dying)]
    curve = product_limit(RiskTable(time, *whole))
    before: Floats = np.concatenate(([1.0], curve.survival[:-1]))
    return 1.0 - before[position]


def ph_score(sets: RiskSets, x: Floats, evaluation: Evaluation, g_row: Floats) -> tuple[Floats, Floats]:
    """Score (p,) of a trend of each coefficient with g(t), and its covariance (p, p).

    g_row (n,): transformed time of each row. The model is extended by x * (g(t) - mean g over deaths); the extension's
    score at zero is tested with its information, the fitted coefficients being free (Grambsch & Therneau 1994; R cox.zph
    since survival 3.0).
    """
    weight = sets.count[sets.death_row]
    g_death = g_row[sets.death_row]
    g_death = g_death - (weight @ g_death) / weight.sum()
    g_time = np.zeros(sets.n_time)
    g_time[sets.death_index] = g_death
    score = (weight * g_death) @ schoenfeld_residuals(sets, x, evaluation)
    counted = evaluation.risk(x) * sets.count
    cross = weighted_information(sets, x, counted, evaluation.steps, g_time)
    square = weighted_information(sets, x, counted, evaluation.steps, g_time**2)
    adjusted: Floats = square - cross @ np.linalg.solve(evaluation.information, cross)
    return np.asarray(score, dtype=np.float64), adjusted


def ph_score_test(sets: RiskSets, x: Floats, evaluation: Evaluation, g_row: Floats) -> tuple[Floats, float]:
    """Chi-squares (p,) of each coefficient, 1 degree of freedom, and of all together, p degrees of freedom."""
    score, adjusted = ph_score(sets, x, evaluation, g_row)
    each = np.array([quadratic(score[j : j + 1], adjusted[j : j + 1, j : j + 1]) for j in range(len(score))])
    return each, quadratic(score, adjusted)


def quadratic(score: Floats, variance: Floats) -> float:
    """Give score' variance^-1 score; NaN when the variance is not positive definite (too few death times)."""
    size = np.sqrt(np.maximum(np.diag(variance), 0.0))
    if not len(score) or np.any(size <= 0):
        return float("nan")
    correlation = variance / np.outer(size, size)
    if float(np.linalg.eigvalsh(correlation).min()) < 1e-9:
        return float("nan")
    unit = score / size
    return float(unit @ np.linalg.solve(correlation, unit))


def scaled_schoenfeld(sets: RiskSets, x: Floats, evaluation: Evaluation, beta: Floats) -> Floats:
    """Schoenfeld residuals times the events and the covariance, plus the coefficients, shape (m, p).

    Their smooth over time estimates the coefficient as a function of time. The average information per event
    stands for the information at each event (Grambsch & Therneau 1994).
    """
    raw = schoenfeld_residuals(sets, x, evaluation)
    scaled: Floats = sets.n_event * np.linalg.solve(evaluation.information, raw.T).T + beta
    return scaled
