"""What one patient does to a coefficient of a Cox model: the fit without her, and with one more.

Belongs here: refits with one row fewer or more, their cheap approximation, the bound on what they cost.
Does not belong here: the fit itself (fit.py), influence of every row on every term (reported.py).

The approximation is the infinitesimal jackknife (dfbeta; Therneau & Grambsch 2000, 7.2), made for all rows in one pass. The
rows that it says matter most are then fitted without, from the full solution on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from registry_pipeline.analysis.cox.firth import SCORE_TOLERANCE, CostExceeded, FirthProblem, climb
from registry_pipeline.analysis.cox.likelihood import evaluate
from registry_pipeline.analysis.cox.newton import cox_problem, maximise
from registry_pipeline.analysis.cox.result import CoxFit
from registry_pipeline.analysis.cox.risk_sets import RiskSets, build_risk_sets
from registry_pipeline.analysis.inputs import OK, Flags, Floats, Ints
from registry_pipeline.analysis.times import Times

MOST_REFITS = 100
MOST_CELLS = 5_000_000
"""Rows times columns of all refits together: of many patients none moves a coefficient far enough for the two to differ."""
MOST_PATTERNS = 64
"""Rows of covariates that one more patient is thought to have."""
MOST_MOMENTS = 64
"""Death times at which she is thought to die."""


@dataclass(frozen=True)
class WithoutEach:
    """A coefficient without each of some rows.

    Attributes:
        coefficient: one per row; NaN where the model without it has no certified estimate.
        is_refit: whether it was fitted; else the infinitesimal jackknife stands in.
        standard_error: of the coefficient by the jackknife over all rows.
    """

    coefficient: Floats
    is_refit: Flags
    standard_error: float


def coefficient_without_each(
    fit: CoxFit, term: str, rows: Ints, most_refits: int = MOST_REFITS
) -> WithoutEach | None:
    """The coefficient of a term without each of some of the fitted rows; None where it has no estimate.

    Args:
        rows: positions among the rows that the fit used, in order of ``fit.data.row``.
        most_refits: so many rows, those of the largest approximate change, are fitted without; fewer where one fit is
            costly.
    """
    beta = _coefficient(fit, term)
    if beta is None:
        return None
    change = fit.influence()[term].to_numpy(dtype=np.float64)
    n = len(change)
    # Miller 1974: the jackknife's variance, the infinitesimal changes standing in for the pseudo-values.
    error = float(np.sqrt((n - 1) / n * ((change - change.mean()) ** 2).sum()))
    without = beta - change[rows]
    is_refit = np.zeros(len(rows), dtype=bool)
    for at in np.argsort(-np.abs(change[rows]), kind="stable")[: _affordable(fit, most_refits)]:
        without[at] = _refit(fit, term, _without(fit, int(rows[at])))
        is_refit[at] = True
    return WithoutEach(without, is_refit, error)


def coefficient_with_one_more(fit: CoxFit, term: str) -> tuple[float, float] | None:
    """The lowest and the highest coefficient of a term that one more patient makes; None without an estimate.

    She is thought to have the covariates of a patient of the data, and to die at one of the death times or at none.
    Where there are many of either, evenly spaced ones stand for them. Which of these patients moves the coefficient
    farthest either way is found by the score that she adds; the model is then fitted with her.

    Raises:
        ValueError: the fit has strata, delayed entry or case weights, which she would need too.
    """
    beta = _coefficient(fit, term)
    if beta is None or fit.model is None:
        return None
    if len(fit.model.sets.bounds) > 2 or fit.model.sets.has_entry or fit.data.is_weighted:
        raise ValueError("coefficient_with_one_more takes no strata, delayed entry or case weights")
    place = _place(fit, term)
    rows, moments = _patterns(fit), _spaced(fit.model.sets.n_time, MOST_MOMENTS)
    change = _added_score(fit, rows, moments) @ np.linalg.inv(fit.model.evaluation.information)[place]
    values = [beta]
    for flat in (int(change.argmin()), int(change.argmax())):
        pattern, moment = np.unravel_index(flat, change.shape)
        value = _refit(fit, term, _with(fit, int(rows[pattern]), moments[moment - 1] if moment else None))
        values += [value] if np.isfinite(value) else []
    return min(values), max(values)


def _coefficient(fit: CoxFit, term: str) -> float | None:
    terms = fit.terms.set_index("term")["coefficient"]
    value = float(terms.get(term, np.nan))
    return value if np.isfinite(value) else None


def _place(fit: CoxFit, term: str) -> int:
    """Where a term stands among the columns of the model."""
    return fit.independent.index(fit.data.terms.index(term))


def _affordable(fit: CoxFit, most: int) -> int:
    assert fit.model is not None
    return min(most, MOST_CELLS // max(fit.model.x.size, 1))


@dataclass(frozen=True)
class _Rows:
    """Rows to fit: who is at risk when, and standardised covariates (n, p)."""

    sets: RiskSets
    x: Floats


def _without(fit: CoxFit, row: int) -> _Rows:
    assert fit.model is not None
    count = fit.data.count.copy()
    count[row] -= 1
    return _Rows(build_risk_sets(fit.data.times, fit.data.stratum, count, _ties(fit)), fit.model.x)


def _with(fit: CoxFit, pattern: int, death: int | None) -> _Rows:
    """The rows and one more: the covariates of a row, dying at a death time or outliving all."""
    model, times = fit.model, fit.data.times
    assert model is not None
    last = float(times.duration.max()) if death is None else float(model.sets.time[death])
    longer = Times(
        np.append(times.duration, last),
        np.append(times.event, 0 if death is None else 1).astype(times.event.dtype),
    )
    stratum, count = np.append(fit.data.stratum, 0), np.append(fit.data.count, 1.0)
    sets = build_risk_sets(longer, stratum, count, _ties(fit))
    return _Rows(sets, np.asfortranarray(np.vstack([model.x, model.x[pattern]])))


def _ties(fit: CoxFit) -> str:
    return "breslow" if fit.method == "breslow" else "efron"


def _refit(fit: CoxFit, term: str, rows: _Rows) -> float:
    """The coefficient by the method of a fit, of other rows; NaN where it is not certified."""
    assert fit.model is not None
    start, place = fit.model.scaled_beta, _place(fit, term)
    if fit.method == "firth":
        try:
            penalised = climb(
                FirthProblem(rows.sets, rows.x), start, np.ones(len(start), dtype=bool), SCORE_TOLERANCE
            )
        except CostExceeded:
            return float("nan")
        return float("nan") if penalised is None else float(penalised.beta[place] / fit.model.scale[place])
    solution = maximise(cox_problem(rows.sets, rows.x), start=start)
    return float(solution.beta[place] / fit.model.scale[place]) if solution.status == OK else float("nan")


def _patterns(fit: CoxFit) -> Ints:
    """Rows of distinct covariates, evenly spaced over them where they are many."""
    assert fit.model is not None
    rows = np.unique(fit.model.x, axis=0, return_index=True)[1]
    return np.asarray(rows[_spaced(len(rows), MOST_PATTERNS)], dtype=np.int64)


def _spaced(n: int, most: int) -> Ints:
    return np.unique(np.linspace(0, n - 1, min(n, most)).round()).astype(np.int64)


def _added_score(fit: CoxFit, rows: Ints, moments: Ints) -> Floats:
    """The score that one more patient adds, of the covariates of each row: (rows, 1 + moments, p).

    The first is that of a patient who outlives all, the others of one who dies at each of the moments: her
    covariates less the risk set's mean there, less the same weighted by her hazard up to it.
    """
    model = fit.model
    assert model is not None
    evaluation = evaluate(model.sets, model.x, model.scaled_beta)
    assert evaluation is not None  # it was evaluated there before
    steps, x = evaluation.steps, model.x[rows]
    risk = np.exp(x @ model.scaled_beta)[:, None, None]
    hazard = np.cumsum(steps.hazard)
    mean_hazard = np.cumsum(steps.mean_hazard, axis=0)
    lived = risk * (x[:, None, :] * hazard[None, :, None] - mean_hazard[None])
    n_steps = np.bincount(model.sets.tie_index, minlength=model.sets.n_time)
    mean = steps.mean / n_steps[:, None]
    dies = x[:, None, :] - mean[None, moments] - lived[:, moments]
    return np.concatenate([-lived[:, -1:], dies], axis=1)
