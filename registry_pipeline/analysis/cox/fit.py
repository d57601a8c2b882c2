"""Cox regression: from a frame to a certified :class:`CoxFit`.

Belongs here: `fit_cox`, and the wording of why a model or a term has no estimate.
Does not belong here: reading columns (analysis/cox/design.py), the likelihood (analysis/cox/likelihood.py), the search
(analysis/cox/newton.py), the penalised search (analysis/cox/firth.py), tables (analysis/cox/result.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.cox.cross_check import cross_check_note
from registry_pipeline.analysis.cox.design import CoxData, pooled, read_cox_data
from registry_pipeline.analysis.cox.estimates import Estimates, Model, wald
from registry_pipeline.analysis.cox.firth import fit_firth
from registry_pipeline.analysis.cox.levels import RARE_NOTE, is_rare
from registry_pipeline.analysis.cox.likelihood import Evaluation, evaluate
from registry_pipeline.analysis.cox.newton import (
    Solution,
    Standard,
    cox_problem,
    maximise,
    split_columns,
    standardise,
)
from registry_pipeline.analysis.cox.notes import RATIO_NOTE, few_events_note, hopeless, many_levels_note
from registry_pipeline.analysis.cox.proportional_hazards import robust_covariance, score_residuals
from registry_pipeline.analysis.cox.result import CoxFit, refused
from registry_pipeline.analysis.cox.risk_sets import RiskSets, build_risk_sets, sum_at_risk, sum_dying
from registry_pipeline.analysis.cox.robust import NOTE as ROBUST_NOTE
from registry_pipeline.analysis.cox.robust import corrected_covariance, robust_wald
from registry_pipeline.analysis.inputs import NOT_CONVERGED, NOT_ESTIMABLE, OK, Flags, Floats, Frame


@dataclass(frozen=True)
class Columns:
    """Columns sorted out: independent standardised ones x (n, q), and why others are not.

    standard: what was done to them; null: the likelihood of x at zero.
    """

    x: Floats
    standard: Standard
    null: Evaluation | None
    constant: Flags
    collinear: Flags
    independent: Flags

    @property
    def scale(self) -> Floats:
        """What each column was divided by, (q,)."""
        return self.standard.scale

    @property
    def positions(self) -> tuple[int, ...]:
        """Positions of the independent columns among the terms."""
        return tuple(int(j) for j in np.flatnonzero(self.independent))


@checked
def fit_cox(
    frame: Frame,
    duration: str,
    event: str,
    covariates: Sequence[str],
    entry: str | None = None,
    strata: str | Sequence[str] | None = None,
    counts: str | None = None,
    cluster: str | Sequence[str] | None = None,
    penalty: str | None = None,
    ties: str = "efron",
    cross_check: bool = True,
    pool: bool = False,
    limits: bool = True,
    weights: str | None = None,
    level: float = 0.95,
) -> CoxFit:
    """Fit a Cox model and report it only when its maximum is certified.

    covariates: numeric and truth-value columns enter as they are; text and categorical columns as dummy
    columns `name[level]` against the first category, or for text the most frequent level. entry: left
    truncation. strata: own baseline hazard per level, or per combination of several columns. counts: whole numbers, a
    row stands for that many patients. weights: case weights (inverse probabilities); standard errors are then robust.
    cluster: robust standard errors, limits and p values, rows of a cluster being dependent, corrected for few
    clusters (robust.py); what is left uncorrected says so.
    penalty: None, or "firth" (Heinze & Schemper 2001) with profile-likelihood limits and p values.
    ties: efron or breslow. cross_check: compare with statsmodels, above 20,000 patients with SQL, and say so in the
    note when it disagrees by more than 1e-3 standard errors. pool: equal rows enter once with their count, for
    many patients; residuals and predictions are then of the pooled rows. limits: False leaves out Firth's profile
    limits, which cost more than the fit, for who reads none: they are NaN.

    A certified fit has a score of zero to 1e-9 standard deviations, a log-likelihood not below the null's
    and a positive definite information. Anything else has status not_estimable or not_converged, a note
    and no numbers. Constant terms and collinear terms are named; the others keep their estimates.
    Rows with missing covariates are left out and counted. Raises ValueError for columns that cannot be used.
    """
    data, x = read_cox_data(
        frame, duration, event, covariates, entry, strata, counts, cluster, False, weights
    )
    if penalty and data.is_weighted:
        raise ValueError("fit_cox: a penalised fit takes no case weights")
    if pool:
        data, x = pooled(data, x)
    return _fit(data, x, _Options(penalty, ties, cross_check, limits, level))


@dataclass(frozen=True)
class _Options:
    """How a model is fitted; as the arguments of `fit_cox`."""

    penalty: str | None
    ties: str
    cross_check: bool
    limits: bool
    level: float

    @property
    def method(self) -> str:
        """The name of the method in tables."""
        return self.penalty or self.ties


def _fit(data: CoxData, x: Floats, options: _Options) -> CoxFit:
    """Fit what was read, or say why not; x (n, p) is changed in place."""
    method = options.method
    reason = hopeless(data)
    if reason:
        return refused(data, method, NOT_ESTIMABLE, reason, {})
    sets = build_risk_sets(data.times, data.stratum, data.count, options.ties, data.is_weighted)
    if _all_die_together(data, sets):
        reason = "Everybody at risk dies at the same time; the order of deaths is unknown."
        return refused(data, method, NOT_ESTIMABLE, reason, {})
    columns = _sort_columns(data, x, sets)
    if columns is None:
        return refused(data, method, NOT_CONVERGED, "The likelihood cannot be computed.", {})
    if not (columns.independent & ~columns.collinear).any():
        notes = _column_notes(data, columns)
        return refused(data, method, NOT_ESTIMABLE, _join(notes.values()), notes)
    if options.penalty == "firth":
        return _firth(data, sets, columns, options)
    solution = maximise(cox_problem(sets, columns.x), columns.null)
    if solution.status != OK or solution.evaluation is None or solution.null is None:
        return _not_certified(data, method, solution, columns)
    return _certified(data, sets, columns, solution.beta, solution.evaluation, solution.null, options)


def _all_die_together(data: CoxData, sets: RiskSets) -> bool:
    """Say whether no death time has a survivor: Efron's likelihood then invents information that is not there."""
    return bool(np.array_equal(sum_at_risk(sets, data.count), sum_dying(sets, data.count)))


def _sort_columns(data: CoxData, x: Floats, sets: RiskSets) -> Columns | None:
    """Standardise columns and find the independent ones; None when the likelihood cannot be computed."""
    standard = standardise(x, data.count, data.stratum)
    start = evaluate(sets, x, np.zeros(x.shape[1]))
    if start is None:
        return None
    constant, collinear, independent = split_columns(start.information)
    if independent.all():
        return Columns(x, standard, start, constant, collinear, independent)
    used = np.asfortranarray(x[:, independent])
    chosen = Standard(
        standard.scale[independent], standard.centre[independent], standard.shift[:, independent]
    )
    return Columns(used, chosen, None, constant, collinear, independent)


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
    sets: RiskSets,
    columns: Columns,
    scaled_beta: Floats,
    evaluation: Evaluation,
    null: Evaluation,
    options: _Options,
) -> CoxFit:
    """Turn a certified solution into numbers in the frame's units."""
    inverse: Floats = np.linalg.inv(evaluation.information).astype(np.float64)
    scale = columns.scale
    naive = inverse / np.outer(scale, scale)
    notes = []
    if options.cross_check and options.ties == "efron":
        notes.append(cross_check_note(data, columns.x, scaled_beta, inverse, evaluation.log_likelihood))
    beta, sandwich, covariance = scaled_beta / scale, None, naive
    if data.cluster is not None or data.is_weighted:
        sandwich, covariance = _robust(data, sets, columns, evaluation, inverse)
        limits = robust_wald(beta, covariance, data.n_cluster, options.level)
        notes += [ROBUST_NOTE if covariance is not sandwich else "", RATIO_NOTE]
    else:
        limits = wald(beta, naive, options.level)
    estimates = Estimates(
        beta,
        covariance,
        naive,
        *limits,
        evaluation.log_likelihood,
        null.log_likelihood,
        sandwich,
        options.level,
    )
    model = Model(sets, columns.positions, columns.x, columns.standard, scaled_beta, evaluation)
    return _finish(data, options.method, columns, estimates, model, _join(notes))


def _robust(
    data: CoxData, sets: RiskSets, columns: Columns, evaluation: Evaluation, inverse: Floats
) -> tuple[Floats, Floats]:
    """R's sandwich in the frame's units, and the one corrected for few clusters (the same where they are many)."""
    residual = score_residuals(sets, columns.x, evaluation)
    cluster = np.arange(len(data.row)) if data.cluster is None else data.cluster
    sandwich = robust_covariance(residual @ inverse / columns.scale, data.count, cluster)
    corrected = corrected_covariance(sets, columns.x, evaluation, residual, cluster)
    if corrected is None:
        return sandwich, sandwich
    return sandwich, corrected / np.outer(columns.scale, columns.scale)


def _firth(data: CoxData, sets: RiskSets, columns: Columns, options: _Options) -> CoxFit:
    """Fit with Firth's penalty."""
    result = fit_firth(sets, columns.x, options.limits, options.level)
    if isinstance(result, str):
        return refused(data, "firth", NOT_CONVERGED, result, _column_notes(data, columns))
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
        level=options.level,
    )
    model = Model(sets, columns.positions, columns.x, columns.standard, result.beta, result.evaluation)
    return _finish(data, "firth", columns, estimates, model, result.note)


def _finish(
    data: CoxData, method: str, columns: Columns, estimates: Estimates, model: Model, note: str
) -> CoxFit:
    """Keep the terms that have an estimate of their own and say what a reader must know."""
    shown = tuple(j for j in model.independent if not columns.collinear[j])
    notes = _column_notes(data, columns)
    few = few_events_note(data.n_event / len(model.independent), method)
    many = many_levels_note(data)
    references = "; ".join(f"{name}: reference {level}" for name, level in data.references.items())
    rare = RARE_NOTE if is_rare(data.levels[j] for j in shown) else ""
    sentences = [*notes.values(), note, few, many, rare, f"{references}." if references else ""]
    return CoxFit(
        OK,
        _join(sentences),
        method,
        data,
        tuple(OK if j in shown else NOT_ESTIMABLE for j in range(len(data.terms))),
        tuple(notes.get(j, "") for j in range(len(data.terms))),
        shown,
        estimates.only([model.independent.index(j) for j in shown]),
        model,
    )
