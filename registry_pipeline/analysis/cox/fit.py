"""Cox regression: from a frame to a certified :class:`CoxFit`.

Belongs here: `fit_cox`, and the wording of why a model or a term has no estimate.
Does not belong here: reading columns (analysis/cox/design.py), the likelihood (analysis/cox/likelihood.py), the search
(analysis/cox/newton.py), the penalised search (analysis/cox/firth.py), tables (analysis/cox/result.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from registry_pipeline.analysis.cox.cross_check import second_opinion
from registry_pipeline.analysis.cox.design import CoxData, pooled, read_cox_data
from registry_pipeline.analysis.cox.firth import fit_firth
from registry_pipeline.analysis.cox.likelihood import Evaluation, evaluate
from registry_pipeline.analysis.cox.newton import (
    Solution,
    cox_problem,
    maximise,
    split_columns,
    standardise,
)
from registry_pipeline.analysis.cox.proportional_hazards import robust_covariance, score_residuals
from registry_pipeline.analysis.cox.result import CoxFit, Estimates, Model, refused, wald
from registry_pipeline.analysis.cox.risk_sets import RiskSets, build_risk_sets, sum_at_risk, sum_dying
from registry_pipeline.analysis.cox.robust import NOTE as ROBUST_NOTE
from registry_pipeline.analysis.cox.robust import corrected_covariance, robust_wald
from registry_pipeline.analysis.inputs import NOT_CONVERGED, NOT_ESTIMABLE, OK, Flags, Floats, Frame

PENALTIES = (None, "firth")
TIES = ("efron", "breslow")


@dataclass(frozen=True)
class Columns:
    """Columns sorted out: independent standardised ones x (n, q) with their scale (q,), and why others are not.

    shift (strata, q): how far the means of strata lie above that of all; null: the likelihood of x at zero.
    """

    x: Floats
    scale: Floats
    shift: Floats
    null: Evaluation | None
    constant: Flags
    collinear: Flags
    kept: Flags

    @property
    def positions(self) -> tuple[int, ...]:
        """Positions of the kept columns among the terms."""
        return tuple(int(j) for j in np.flatnonzero(self.kept))


def fit_cox(
    frame: Frame,
    duration: str,
    event: str,
    covariates: Sequence[str],
    entry: str | None = None,
    strata: str | None = None,
    counts: str | None = None,
    cluster: str | None = None,
    penalty: str | None = None,
    ties: str = "efron",
    second_engine: bool = True,
    pool: bool = False,
    limits: bool = True,
) -> CoxFit:
    """Fit a Cox model and report it only when its maximum is certified.

    covariates: numeric and truth-value columns enter as they are; text and categorical columns as dummy
    columns `name[level]` against the first category, or for text the most frequent level. entry: left
    truncation. strata: own baseline hazard per level. counts: whole numbers, a row stands for that many
    patients. cluster: robust (Lin-Wei) standard errors as R's, rows of a cluster being dependent; limits and
    p values corrected for few clusters (cox_robust).
    penalty: None, or "firth" (Heinze & Schemper 2001) with profile-likelihood limits and p values.
    ties: efron or breslow. second_engine: compare with lifelines up to 100,000 rows and say so in the
    note when it disagrees by more than 1e-3 standard errors. pool: equal rows enter once with their count, for
    many patients; residuals and predictions are then of the pooled rows. limits: False leaves out Firth's profile
    limits, which cost more than the fit, for who reads none: they are NaN.

    A certified fit has a score of zero to 1e-9 standard deviations, a log-likelihood not below the null's
    and a positive definite information. Anything else has status not_estimable or not_converged, a note
    and no numbers. Constant terms and collinear terms are named; the others keep their estimates.
    Rows with missing covariates are left out and counted. Raises ValueError for what the gate refuses.
    """
    if penalty not in PENALTIES:
        raise ValueError("penalty must be None or 'firth'")
    if ties not in TIES:
        raise ValueError("ties must be efron or breslow")
    data, x = read_cox_data(frame, duration, event, covariates, entry, strata, counts, cluster)
    if pool:
        data, x = pooled(data, x)
    return _fit(data, x, penalty, ties, second_engine, limits)


def _fit(
    data: CoxData, x: Floats, penalty: str | None, ties: str, second_engine: bool, limits: bool
) -> CoxFit:
    """Fit what was read, or say why not; x (n, p) is changed in place."""
    method = penalty or ties
    reason = _hopeless(data)
    if reason:
        return refused(data, method, NOT_ESTIMABLE, reason, {})
    sets = build_risk_sets(data.times, data.stratum, data.count, ties)
    if _all_die_together(data, sets):
        reason = "Everybody at risk dies at the same time; the order of deaths is unknown."
        return refused(data, method, NOT_ESTIMABLE, reason, {})
    columns = _sort_columns(data, x, sets)
    if columns is None:
        return refused(data, method, NOT_CONVERGED, "The likelihood cannot be computed.", {})
    if not (columns.kept & ~columns.collinear).any():
        notes = _column_notes(data, columns)
        return refused(data, method, NOT_ESTIMABLE, _join(notes.values()), notes)
    if penalty == "firth":
        return _firth(data, sets, columns, limits)
    solution = maximise(cox_problem(sets, columns.x), columns.null)
    if solution.status != OK or solution.evaluation is None or solution.null is None:
        return _not_certified(data, method, solution, columns)
    second = second_engine and method == "efron"
    return _certified(data, method, sets, columns, solution.beta, solution.evaluation, solution.null, second)


def _hopeless(data: CoxData) -> str:
    """Say why there is nothing to fit, or nothing."""
    if data.n == 0:
        return "There are no patients with complete covariates."
    if not data.terms:
        return "No covariates are named."
    if data.n_event == 0:
        return "There are no events."
    if data.n_event == 1:
        return "There is only one event; it cannot bear a model."
    if data.cluster is not None and len(np.unique(data.cluster)) <= len(data.terms):
        return "Robust standard errors need more clusters than coefficients."
    return ""


def _all_die_together(data: CoxData, sets: RiskSets) -> bool:
    """Say whether no death time has a survivor: Efron's likelihood then invents information that is not there."""
    return bool(np.array_equal(sum_at_risk(sets, data.count), sum_dying(sets, data.count)))


def _sort_columns(data: CoxData, x: Floats, sets: RiskSets) -> Columns | None:
    """Standardise columns and find the independent ones; None when the likelihood cannot be computed."""
    scale, shift = standardise(x, data.count, data.stratum)
    start = evaluate(sets, x, np.zeros(x.shape[1]))
    if start is None:
        return None
    constant, collinear, kept = split_columns(start.information)
    if kept.all():
        return Columns(x, scale, shift, start, constant, collinear, kept)
    used = np.asfortranarray(x[:, kept])
    return Columns(used, scale[kept], shift[:, kept], None, constant, collinear, kept)


def _column_notes(data: CoxData, columns: Columns) -> dict[int, str]:
    """Say for each column that has no estimate why."""
    notes = {
        int(j): f"{data.terms[j]} does not vary among the patients at risk."
        for j in np.flatnonzero(columns.constant)
    }
    together = ", ".join(data.terms[j] for j in np.flatnonzero(columns.collinear))
    for j in np.flatnonzero(columns.collinear):
        notes[int(j)] = f"Collinear, no estimate of its own: {together}."
    return dict(sorted(notes.items()))


def _join(sentences: Iterable[str]) -> str:
    """Join sentences, each once, in order."""
    return " ".join(dict.fromkeys(sentence for sentence in sentences if sentence))


def _not_certified(data: CoxData, method: str, solution: Solution[Evaluation], columns: Columns) -> CoxFit:
    """Refuse a fit, naming the terms whose coefficient has no finite maximum."""
    endless = [j for j, runs in zip(columns.positions, solution.infinite, strict=True) if runs]
    note = solution.reason
    notes = _column_notes(data, columns)
    for j in endless:
        notes[j] = f"The coefficient of {data.terms[j]} has no finite maximum."
    if endless:
        names = ", ".join(data.terms[j] for j in endless)
        note = f"The likelihood rises for ever with the coefficient of {names}: use penalty='firth'."
    return refused(data, method, solution.status, note, notes)


def _certified(
    data: CoxData,
    method: str,
    sets: RiskSets,
    columns: Columns,
    scaled_beta: Floats,
    found: Evaluation,
    null: Evaluation,
    second_engine: bool,
) -> CoxFit:
    """Turn a certified solution into numbers in the frame's units."""
    inverse, scale = np.linalg.inv(found.information), columns.scale
    naive = inverse / np.outer(scale, scale)
    covariance = naive
    if data.cluster is not None:
        residual = score_residuals(sets, columns.x, found)
        covariance = robust_covariance(residual @ inverse / scale, data.count, data.cluster)
    opinion = ""
    if second_engine:
        error = np.sqrt(np.diag(inverse))
        opinion = second_opinion(data, columns.x, scaled_beta, error, found.log_likelihood)
    beta = scaled_beta / scale
    limits = wald(beta, covariance)
    if data.cluster is not None:
        corrected = corrected_covariance(sets, columns.x, found, residual, data.cluster)
        if corrected is not None:
            corrected = corrected / np.outer(scale, scale)
            opinion = _join([opinion, ROBUST_NOTE])
        limits = robust_wald(beta, covariance, corrected, len(np.unique(data.cluster)))
    estimates = Estimates(beta, covariance, naive, *limits, found.log_likelihood, null.log_likelihood)
    model = Model(sets, columns.positions, columns.x, scale, columns.shift, scaled_beta, found)
    return _finish(data, method, columns, estimates, model, opinion)


def _firth(data: CoxData, sets: RiskSets, columns: Columns, limits: bool) -> CoxFit:
    """Fit with Firth's penalty."""
    result = fit_firth(sets, columns.x, limits)
    if result is None:
        reason = "The penalised search did not end in a certified solution."
        return refused(data, "firth", NOT_CONVERGED, reason, _column_notes(data, columns))
    scale = columns.scale
    covariance = np.linalg.inv(result.evaluation.information) / np.outer(scale, scale)
    # The penalty depends on the units of the columns; the reported likelihood is that of the frame's units.
    shift = float(np.log(scale).sum())
    estimates = Estimates(
        result.beta / scale,
        covariance,
        covariance,
        result.lower / scale,
        result.upper / scale,
        result.p_value,
        result.log_likelihood + shift,
        result.log_likelihood_null + shift,
    )
    model = Model(sets, columns.positions, columns.x, scale, columns.shift, result.beta, result.evaluation)
    return _finish(data, "firth", columns, estimates, model, result.note)


def _finish(
    data: CoxData, method: str, columns: Columns, found: Estimates, model: Model, note: str
) -> CoxFit:
    """Keep the terms that have an estimate of their own and say what a reader must know."""
    shown = tuple(j for j in model.kept if not columns.collinear[j])
    notes = _column_notes(data, columns)
    few = _few_events(data.n_event / len(model.kept), method)
    references = "; ".join(f"{name}: reference {level}" for name, level in data.references.items())
    sentences = [*notes.values(), note, few, f"{references}." if references else ""]
    return CoxFit(
        OK,
        _join(sentences),
        method,
        data,
        tuple(OK if j in shown else NOT_ESTIMABLE for j in range(len(data.terms))),
        tuple(notes.get(j, "") for j in range(len(data.terms))),
        shown,
        found.only([model.kept.index(j) for j in shown]),
        model,
    )


def _few_events(per_variable: float, method: str) -> str:
    """Warn of a model that is too large for its events."""
    if per_variable >= 10:
        return ""
    text = f"Only {per_variable:.1f} events per variable"
    if per_variable < 5 and method != "firth":
        return f"{text}: rely on the penalised fit (penalty='firth')."
    return f"{text}."
