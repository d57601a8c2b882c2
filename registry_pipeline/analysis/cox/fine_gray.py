"""Fine and Gray's regression of the subdistribution hazard of one cause.

Belongs here: `fit_fine_gray` and its sandwich variance.
Does not belong here: the weighted likelihood (subdistribution.py), cause-specific models, curves and tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.counting import binned
from registry_pipeline.analysis.cox.design import CoxData, read_cox_data
from registry_pipeline.analysis.cox.estimates import wald
from registry_pipeline.analysis.cox.levels import (
    hazard_ratios,
    ratio_notes,
    read_levels,
    with_leading_p,
    with_levels,
)
from registry_pipeline.analysis.cox.newton import (
    Problem,
    Solution,
    largest_at_risk,
    maximise,
    split_columns,
    standardise,
)
from registry_pipeline.analysis.cox.result import TERM_COLUMNS
from registry_pipeline.analysis.cox.subdistribution import (
    EMPTY_NOTE,
    Weighted,
    WeightedPoint,
    evaluate_weighted,
    row_sums,
    staying,
    weight_rows,
)
from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, OK, Flags, Floats, Frame

METHOD = "fine-gray"
ENTRY_NOTE = "With delayed entry the standard errors take the weights for censoring and entry as known."


@dataclass(frozen=True)
class FineGrayFit:
    """terms: as `CoxFit.terms`, subdistribution hazard ratios; summary: one row; covariance: robust."""

    terms: pd.DataFrame
    summary: pd.DataFrame
    covariance: pd.DataFrame
    status: str
    note: str


def _is_endless(weighted: Weighted, x: Floats, step: Floats) -> bool:
    """Say whether the dying have the largest value of x @ step in every weighted risk set."""
    sets, value = weighted.sets, x @ step
    spread = float(np.ptp(value))
    past = np.full(sets.n_time + 1, -np.inf)
    np.maximum.at(past, weighted.gone[weighted.stays], value[weighted.stays])
    at_risk = np.maximum(largest_at_risk(sets, value), np.maximum.accumulate(past)[:-1])
    dying = np.full(sets.n_time, np.inf)
    np.minimum.at(dying, sets.death_index, value[sets.death_row])
    return spread > 0 and bool(np.all(at_risk <= dying + 1e-3 * spread))


def sandwich(weighted: Weighted, x: Floats, point: WeightedPoint) -> Floats:
    """Covariance of the coefficients, the estimated censoring distribution included (R's crr).

    With delayed entry the weights are taken as known (R's coxph of finegray).
    """
    inverse = np.linalg.inv(point.information)
    influence = _score_part(weighted, x, point)
    if weighted.times.entry is None:
        influence += _censoring_part(weighted, x, point)
    influence = influence @ inverse
    return np.asarray(influence.T @ influence, dtype=np.float64)


def _score_part(weighted: Weighted, x: Floats, point: WeightedPoint) -> Floats:
    """Each row's score, (n, p)."""
    sets = weighted.sets
    rate = weighted.n_dying / point.total
    hazard = row_sums(weighted, rate)[:, None]
    out: Floats = point.risk[:, None] * (row_sums(weighted, rate[:, None] * point.mean) - hazard * x)
    out[sets.death_row] += x[sets.death_row] - point.mean[sets.death_index]
    return out


def _censoring_part(weighted: Weighted, x: Floats, point: WeightedPoint) -> Floats:
    """Each row's effect through the Kaplan-Meier of the censoring time, (n, p)."""
    times, sets = weighted.times, weighted.sets
    grid, position = np.unique(times.duration, return_inverse=True)
    remaining = staying(weighted, point.risk)
    rate = weighted.censoring_time * weighted.n_dying / point.total
    ahead = np.searchsorted(sets.time, grid, side="left")
    later_rate = _from(rate, ahead)
    later_mean = np.column_stack([_from(rate * column, ahead) for column in point.mean.T])
    past = _before(binned(position, remaining, len(grid)))
    past_x = np.column_stack([_before(binned(position, remaining * column, len(grid))) for column in x.T])
    q = past_x * later_rate[:, None] - past[:, None] * later_mean
    at_risk = len(times) - np.searchsorted(np.sort(times.duration), grid, side="left")
    censored = np.bincount(position[times.event == 0], minlength=len(grid))
    compensator = np.cumsum(q * (censored / at_risk**2)[:, None], axis=0)
    jump = np.where((times.event == 0)[:, None], (q / at_risk[:, None])[position], 0.0)
    part: Floats = jump - compensator[position]
    return part


def _from(value: Floats, start: np.ndarray) -> Floats:
    """Sums of value[start:]."""
    total: Floats = np.concatenate([np.cumsum(value[::-1])[::-1], [0.0]])[start]
    return total


def _before(value: Floats) -> Floats:
    """Running sums that leave out the present."""
    return np.concatenate(([0.0], np.cumsum(value)[:-1]))


@checked
def fit_fine_gray(
    frame: Frame,
    duration: str,
    event: str,
    covariates: Sequence[str],
    cause: int = 1,
    entry: str | None = None,
    level: float = 0.95,
) -> FineGrayFit:
    """Fit the subdistribution hazard of `cause`; event: 0 censored, 1, 2, ...

    Covariates as in `fit_cox`. Ties by Breslow, robust variance with the estimated censoring weights, as
    R's cmprsk::crr. entry: left truncation; who had a competing event then stays with weights for entry too, as R's
    survival::finegray, and where nobody is at risk before the next enters there is no model.
    Certified or refused as a Cox fit is: status, note, NaN.
    Source: Fine & Gray 1999, JASA 94:496-509; Geskus 2011, Biometrics 67:39-49.
    """
    data, x = read_cox_data(frame, duration, event, covariates, entry, None, None, None, competing=True)
    data = replace(data, levels=read_levels(x, data.terms, data.times.event == cause, data.count))
    n_event = int((data.times.event == cause).sum())
    reason = _hopeless(data, n_event, cause)
    if reason:
        return _table(data, n_event, None, None, np.zeros(len(data.terms), dtype=bool), reason)
    weighted = weight_rows(data.times, cause)
    if weighted.is_empty_between:
        return _table(data, n_event, None, None, np.zeros(len(data.terms), dtype=bool), EMPTY_NOTE)
    scale = standardise(x, data.count).scale
    start = evaluate_weighted(weighted, x, np.zeros(x.shape[1]))
    assert start is not None
    constant, collinear, independent = split_columns(start.information)
    names = ", ".join(data.terms[j] for j in np.flatnonzero(constant | collinear))
    note = f"No estimate of their own (constant or collinear): {names}." if names else ""
    note = note if entry is None else f"{note} {ENTRY_NOTE}".strip()
    if not (independent & ~collinear).any():
        return _table(data, n_event, None, None, independent, note)
    x = np.asfortranarray(x[:, independent])
    problem = Problem(
        x.shape[1],
        lambda beta: evaluate_weighted(weighted, x, beta),
        lambda step: _is_endless(weighted, x, step),
    )
    solution = maximise(problem, start if independent.all() else None)
    if solution.status != OK or solution.evaluation is None:
        return _table(data, n_event, solution, None, independent, f"{note} {solution.reason}".strip())
    covariance = sandwich(weighted, x, solution.evaluation)
    if np.any(np.diag(covariance) < 1e-10 * np.diag(np.linalg.inv(solution.evaluation.information))):
        return _table(data, n_event, None, None, independent, f"{note} The robust variance vanishes.".strip())
    estimate = (
        solution.beta / scale[independent],
        covariance / np.outer(scale[independent], scale[independent]),
    )
    return _table(data, n_event, solution, estimate, independent & ~collinear, note, independent, level)


def _hopeless(data: CoxData, n_event: int, cause: int) -> str:
    """Say why there is nothing to fit, or nothing."""
    if data.n == 0:
        return "There are no patients with complete covariates."
    if not data.terms:
        return "No covariates are named."
    if n_event < 2:
        return (
            f"There are {n_event or 'no'} events of cause {cause}."
            if n_event != 1
            else (f"There is only one event of cause {cause}; it cannot bear a model.")
        )
    return ""


def _table(
    data: CoxData,
    n_event: int,
    solution: Solution[WeightedPoint] | None,
    estimate: tuple[Floats, Floats] | None,
    shown: Flags,
    note: str,
    fitted: Flags | None = None,
    level: float = 0.95,
) -> FineGrayFit:
    """Make the tidy frames, with or without numbers."""
    status = OK if estimate is not None else solution.status if solution is not None else NOT_ESTIMABLE
    names = list(data.terms)
    values, matrix = np.full((len(names), 6), np.nan), np.full((len(names), len(names)), np.nan)
    if estimate is not None and fitted is not None:
        at = np.flatnonzero(shown[fitted])
        beta, covariance = estimate[0][at], estimate[1][np.ix_(at, at)]
        lower, upper, p_value = wald(beta, covariance, level)
        limits = hazard_ratios(beta, lower, upper)
        values[shown] = np.column_stack([beta, np.sqrt(np.diag(covariance)), limits, p_value])
        matrix[np.ix_(shown, shown)] = covariance
    terms = pd.DataFrame(values, columns=TERM_COLUMNS[1:7])
    terms.insert(0, "term", names)
    terms["method"] = METHOD
    terms["status"] = [
        OK if status == OK and flag else status if status != OK else NOT_ESTIMABLE for flag in shown
    ]
    notes = ["" if value == OK else note for value in terms["status"]]
    terms["note"] = ratio_notes(terms["coefficient"], names, notes)
    terms = with_leading_p(with_levels(terms, data.levels), data.levels, "Wald, robust", None)
    points = (solution.null, solution.evaluation) if solution is not None and status == OK else (None, None)
    likelihood = [np.nan if point is None else point.log_likelihood for point in points]
    row = [data.n, data.n_missing, n_event, n_event / max(len(names), 1), *likelihood, METHOD, status, note]
    columns = "n n_missing n_event events_per_variable log_likelihood_null log_likelihood method status note"
    summary = pd.DataFrame([dict(zip(columns.split(), row, strict=True))])
    return FineGrayFit(terms, summary, pd.DataFrame(matrix, index=names, columns=names), status, note)
