"""Growth of lesions: diameter at detection against months since the last negative CT.

Belongs here: fitting one growth curve, or all of them, and their rows for result.growth_fit and
result.growth_threshold. Does not belong here: the interval-censored onset (onset.py), serial
measurements (serial.py), shares by interval (share_small.py).

The regression is biased as a growth rate: a lesion did not start at the last negative CT.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.distributions import student_quantile
from registry_pipeline.analysis.growth.forms import FORMS, Form, specific_rate, starting_values
from registry_pipeline.analysis.growth.intervals import (
    ONE_PATIENT,
    bootstrap_note,
    bootstrap_parameters,
    percentile_interval,
    profile_interval,
    profile_note,
    sentences,
)
from registry_pipeline.analysis.growth.least_squares import Problem, best, is_minimum, search
from registry_pipeline.analysis.growth.lesions import Lesions, exclusion_note, usable_lesions
from registry_pipeline.analysis.growth.quality import covariance, likelihood, r_squared
from registry_pipeline.analysis.growth.tables import parameter_rows, threshold_row
from registry_pipeline.analysis.inputs import Floats, Frame, counted

MODELS = tuple(FORMS)
ERROR_MODELS = ("additive", "log")
UNBOUNDED = "the curve reaches the threshold outside the observed intervals, if at all: no months to it"
ABOVE_AT_ZERO = "the fitted curve is above the threshold already at the last negative CT: no months to it"
FEWEST_DRAWS = 100
"""Fewer bootstrap replicates give no limits."""
STATUSES = ("ok", "not_identifiable", "not_estimable", "not_converged")


@dataclass(frozen=True)
class GrowthFit:
    """A fitted growth curve.

    parameters: result.growth_fit rows; threshold: result.growth_threshold rows; excluded: reasons and
    numbers of lesions left out. estimates: t* (log t* for power), rate, shape, and covariance their
    (p, p) matrix; observed_months: shortest and longest interval used; draws: bootstrap replicates of the estimates (may be empty). NULL is NaN.
    """

    model: str
    error_model: str
    threshold_mm: float
    status: str
    note: str
    parameters: pd.DataFrame
    threshold: pd.DataFrame
    excluded: pd.DataFrame
    aicc: float
    converged: bool
    log_likelihood: float
    residual_sd: float
    rss: float
    observed_months: tuple[float, float]
    estimates: Floats = field(repr=False)
    covariance: Floats = field(repr=False)
    draws: Floats = field(repr=False)

    @property
    def usable_draws(self) -> Floats:
        """The bootstrap replicates that are numbers; none where there are too few for limits."""
        usable = self.draws[np.isfinite(self.draws).all(axis=1)] if len(self.draws) else self.draws
        return usable if len(usable) >= FEWEST_DRAWS else usable[:0]


@dataclass
class _Optimum:
    """What the optimiser found; status and note say what it is worth."""

    status: str
    note: str
    estimates: Floats
    rss: float = float("nan")
    covariance: Floats = field(default_factory=lambda: np.full((0, 0), np.nan))
    has_plateau: bool = False


@checked
def fit_growth(
    frame: Frame,
    interval_months: str,
    diameter_mm: str,
    model: str = "exponential",
    error_model: str = "additive",
    patient: str | None = None,
    threshold_mm: float = 15.0,
    *,
    n_bootstrap: int = 500,
    seed: int = 0,
    level: float = 0.95,
) -> GrowthFit:
    """Fit diameter (mm) against months since the last negative CT, one row per lesion, by least squares.

    model: exponential, power, linear, gompertz, logistic, von_bertalanffy. error_model: 'additive'
    (normal error of the diameter) or 'log' (of its logarithm); AICc of the two is comparable, because
    the log likelihood carries the Jacobian. The month at which the curve reaches threshold_mm is a
    parameter: its profile-likelihood interval needs no delta method. With `patient`, a bootstrap over
    patients (n_bootstrap replicates) adds a second threshold row. Lesions without a positive interval
    and diameter are left out and counted. Data that cannot carry the fit give a status and a sentence,
    never an exception or a warning. Raises ValueError for an unknown model, error model or a threshold
    that is not positive, KeyError for an absent column.
    """
    if model not in FORMS or error_model not in ERROR_MODELS:
        raise ValueError(f"model is one of {', '.join(MODELS)}; error_model one of {', '.join(ERROR_MODELS)}")
    lesions = usable_lesions(frame, interval_months, diameter_mm, patient)
    problem = Problem(FORMS[model], error_model, lesions.months, lesions.diameter, float(threshold_mm))
    optimum = _optimise(problem, level)
    return _assemble(problem, lesions, optimum, n_bootstrap, seed, level)


@checked
def fit_growth_all(
    frame: Frame,
    interval_months: str = "months_since_negative_ct",
    diameter_mm: str = "diameter_mm",
    patient: str | None = "patient_id",
    threshold_mm: float = 15.0,
    *,
    models: Sequence[str] = MODELS,
    n_bootstrap: int = 0,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fit every form with both error models: all result.growth_fit rows and all growth_threshold rows.

    n_bootstrap = 0 leaves the bootstrap out; a two-parameter form takes about a second per 500 replicates.
    """
    fits = [
        fit_growth(
            frame, interval_months, diameter_mm, model, error, patient, threshold_mm,
            n_bootstrap=n_bootstrap, seed=seed, level=level,
        )
        for model in models
        for error in ERROR_MODELS
    ]  # fmt: skip
    return (
        pd.concat([fit.parameters for fit in fits], ignore_index=True),
        pd.concat([fit.threshold for fit in fits], ignore_index=True),
    )


def _refusal(problem: Problem) -> str:
    needed = problem.form.n_parameters + 1
    if len(problem.months) < needed:
        return f"{counted(len(problem.months), 'usable lesion')}; this form needs at least {needed}"
    distinct = len(np.unique(problem.pooled.months))
    if distinct < problem.form.n_parameters:
        n_distinct = counted(distinct, "distinct interval")
        return f"the lesions have {n_distinct}; this form needs {problem.form.n_parameters}"
    if np.ptp(problem.diameter) == 0:
        return "all diameters are equal: the curve never reaches or leaves the threshold"
    return ""


def _none(problem: Problem, status: str, note: str) -> _Optimum:
    p = problem.form.n_parameters
    return _Optimum(status, note, np.full(p, np.nan), covariance=np.full((p, p), np.nan))


def _optimise(problem: Problem, level: float) -> _Optimum:
    form = problem.form
    if refusal := _refusal(problem):
        return _none(problem, "not_estimable", refusal)
    start = starting_values(form, problem.months, problem.diameter, problem.threshold)
    solution = search(problem, start)
    index = best(solution)
    if index is None:
        status = "not_identifiable" if form.nested else "not_converged"
        return _none(problem, status, "no start led to an optimum with zero gradient: nothing is reported")
    estimates, rss = solution.parameters[index], float(solution.rss[index])
    if estimates[1] <= 0 or not 0 < specific_rate(form, estimates, problem.threshold) < np.inf:
        return _none(problem, "not_estimable", "the diameter does not rise with the interval")
    if form.nested and estimates[2] <= 0:
        return _none(problem, "not_identifiable", _no_plateau(form))
    if not is_minimum(problem, estimates):
        return _none(
            problem, "not_converged", "the information matrix is not positive definite at the solution"
        )
    note = _implausible(form, estimates, problem.threshold)
    optimum = _Optimum(
        "ok", note, estimates, rss, covariance(problem, estimates, rss), form.nested is not None
    )
    return _judge_plateau(problem, start, optimum, level) if form.nested else optimum


def _implausible(form: Form, estimates: Floats, threshold: float) -> str:
    """What the curve says at month 0 that cannot be; a sentence, not a refusal."""
    if not form.log_time and estimates[0] < 0:
        return ABOVE_AT_ZERO
    if form.name == "linear" and estimates[0] * estimates[1] > threshold:
        return "the fitted line is below zero at the last negative CT"
    return ""


def _no_plateau(form: Form) -> str:
    return (
        f"the data show no plateau: the best fit of this form is at or beyond its limit, the {form.nested} "
        "curve; see that row"
    )


def _judge_plateau(problem: Problem, start: Floats, optimum: _Optimum, level: float) -> _Optimum:
    """A plateau is reported only when the profile interval of the shape excludes 'no plateau' (zero)."""
    form = problem.form
    start = np.concatenate([start, optimum.estimates[None, :]])
    start[:, 2] = 0.0
    without = search(problem, start, fixed=(2,))
    freedom = len(problem.months) - form.n_parameters
    limit = optimum.rss * (1 + float(student_quantile(level, freedom)) ** 2 / freedom)
    if float(np.min(without.rss)) <= limit:
        optimum.status, optimum.has_plateau = "not_identifiable", False
        optimum.note = (
            f"the {form.nested} curve, without a plateau, fits as well within the {level:.0%} interval: "
            "the plateau is not reported"
        )
    return optimum


def _assemble(
    problem: Problem, lesions: Lesions, optimum: _Optimum, n_bootstrap: int, seed: int, level: float
) -> GrowthFit:
    fitted = bool(np.isfinite(optimum.rss))
    observed = (float(lesions.months.min()), float(lesions.months.max())) if fitted else (np.nan, np.nan)
    value, aicc = likelihood(problem, optimum.rss) if fitted else (float("nan"), float("nan"))
    freedom = max(lesions.n - problem.form.n_parameters, 1)
    sd = float(np.sqrt(optimum.rss / freedom)) if fitted else float("nan")
    alone = ONE_PATIENT if fitted and lesions.n_patients == 1 else ""
    note = sentences(optimum.note, alone, exclusion_note(lesions))
    draws = np.empty((0, problem.form.n_parameters))
    if fitted and lesions.patient is not None and n_bootstrap > 0 and (lesions.n_patients or 0) > 1:
        draws = bootstrap_parameters(problem, optimum.estimates, lesions.patient, n_bootstrap, seed)
    shared = {
        "model": problem.form.name, "error_model": problem.error_model, "n_lesions": lesions.n,
        "n_patients": lesions.n_patients, "status": optimum.status, "note": note,
    }  # fmt: skip
    parameters = parameter_rows(problem, optimum.estimates, optimum.covariance, optimum.has_plateau)
    parameters = parameters.assign(
        **shared, aicc=aicc, converged=fitted, residual_sd=sd,
        log_likelihood=value, r_squared=r_squared(problem, optimum.estimates),
    )  # fmt: skip
    return GrowthFit(
        problem.form.name, problem.error_model, problem.threshold, optimum.status, note,
        parameters, _threshold_rows(problem, lesions, optimum, draws, n_bootstrap, level, shared),
        lesions.excluded, aicc, fitted, value, sd, optimum.rss, observed,
        optimum.estimates, optimum.covariance, draws,
    )  # fmt: skip


def _threshold_rows(
    problem: Problem,
    lesions: Lesions,
    optimum: _Optimum,
    draws: Floats,
    n_bootstrap: int,
    level: float,
    shared: dict[str, object],
) -> pd.DataFrame:
    fitted = np.isfinite(optimum.rss)
    profile = np.array([np.nan, np.nan])
    if fitted and optimum.rss > 0:
        profile = profile_interval(problem, optimum.estimates, optimum.rss, optimum.covariance, level)
    rows = [threshold_row(problem, optimum.estimates, profile, "profile", 0, 0)]
    notes = [profile_note(profile) if fitted else ""]
    if lesions.patient is not None and n_bootstrap > 0:
        bounds, failed = percentile_interval(draws[:, 0], level, lesions.n_patients)
        rows.append(
            threshold_row(problem, optimum.estimates, bounds, "cluster_bootstrap", len(draws), failed)
        )
        notes.append(bootstrap_note(lesions.n_patients, len(draws), failed) if fitted else "")
    table = pd.DataFrame(rows).assign(**shared)
    table["note"] = [sentences(str(shared["note"]), note) for note in notes]
    if fitted and not problem.form.log_time and optimum.estimates[0] < 0:
        table["status"] = "not_estimable"
    return _without_far_guess(table) if fitted else table


def _without_far_guess(table: pd.DataFrame) -> pd.DataFrame:
    """No months where they lie outside the observed intervals and no method gives them a limit: a form whose time is a
    logarithm can say 0.0 there for lesions that do not grow with the interval at all.
    """
    is_bounded = table[["ci_lower", "ci_upper"]].notna().any(axis=None)
    if is_bounded or not table["is_extrapolated"].eq(True).any():
        return table
    gone = dict.fromkeys(["months", "implied_doubling_days"], np.nan)
    notes = [sentences(note, UNBOUNDED) for note in table["note"]]
    return table.assign(**gone, is_extrapolated=None, status="not_estimable", note=notes)
