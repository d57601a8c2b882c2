"""The cumulative hazard behind a Cox model, and survival predicted from it with its limits.

Belongs here: baseline hazard (Breslow, Efron), survival of given rows of covariates, survival averaged over the cohort.
Does not belong here: how good predictions are (accuracy.py, calibration.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.cox.result import CoxFit
from registry_pipeline.analysis.distributions import normal_quantile
from registry_pipeline.analysis.inputs import (
    NOT_ESTIMABLE,
    OK,
    Floats,
    Frame,
    Ints,
    is_numeric,
    label,
    numbers,
    series,
)
from registry_pipeline.analysis.tidy import BEYOND, tidy
from registry_pipeline.core.units import DAYS_PER_MONTH

HAZARD_COLUMNS = ["stratum", "duration", "n_event", "hazard", "cumulative_hazard", "survival"]
PREDICTED_COLUMNS = [
    "row", "stratum", "landmark", "landmark_months", "survival", "standard_error", "ci_lower", "ci_upper", "status",
    "note",
]  # fmt: skip
STANDARDISED_COLUMNS = ["variable", *("level" if name == "row" else name for name in PREDICTED_COLUMNS)]


@dataclass(frozen=True)
class Hazards:
    """Sums of one stratum up to some times (m,): the baseline's cumulative hazard at average covariates, the variance
    of it that the counts cause, the same weighted with the risk sets' means (m, q); is_known: within follow-up.
    """

    cumulative: Floats
    variance: Floats
    weighted_mean: Floats
    is_known: np.ndarray


def hazards_at(fit: CoxFit, marks: Floats, stratum: int) -> Hazards:
    """Add up a certified model's hazard to each time. Source: Therneau & Grambsch 2000, 10; R survfit.coxph."""
    assert fit.model is not None
    sets, steps = fit.model.sets, fit.model.evaluation.steps
    own = slice(int(sets.bounds[stratum]), int(sets.bounds[stratum + 1]))
    upto = np.searchsorted(sets.time[own], marks, side="right")

    def sums(values: Floats) -> Floats:
        running = np.cumsum(values[own], axis=0)
        return np.concatenate([np.zeros((1, *values.shape[1:])), running])[upto]

    members = fit.data.stratum == stratum
    last = float(fit.data.times.duration[members].max())
    # hazards are at the centre of all rows; a stratum's columns were centred on its own mean
    moved = fit.model.shift[stratum] if len(fit.model.shift) else np.zeros(fit.model.x.shape[1])
    scale = float(np.exp(-moved @ fit.model.scaled_beta))
    hazard = sums(steps.hazard) * scale
    mean = sums(steps.mean_hazard) * scale + hazard[:, None] * moved
    return Hazards(hazard, sums(steps.square[:, 0]) * scale**2, mean, marks <= last)


def scaled_covariance(fit: CoxFit) -> Floats:
    """Covariance (q, q) of the standardised coefficients, robust where clusters or weights made it so."""
    assert fit.model is not None and fit.estimates is not None
    size, estimated = len(fit.independent), [fit.independent.index(j) for j in fit.used]
    full = np.zeros((size, size))
    full[np.ix_(estimated, estimated)] = fit.estimates.covariance
    if len(estimated) < size:  # collinear terms have no estimate of their own, but their sum does
        full = np.linalg.inv(fit.model.evaluation.information) / np.outer(fit.model.scale, fit.model.scale)
    return np.asarray(full * np.outer(fit.model.scale, fit.model.scale), dtype=np.float64)


@checked
def baseline_hazard(fit: CoxFit) -> pd.DataFrame:
    """The hazard of somebody with average covariates at each death time, per stratum (R basehaz, centred).

    Ties as those of the model. A model without a certified fit has no rows.
    """
    if fit.model is None:
        return tidy([], HAZARD_COLUMNS, fit.data.n_missing)
    sets, parts = fit.model.sets, []
    n_event = np.bincount(sets.tie_index, minlength=sets.n_time)
    for stratum in range(len(sets.bounds) - 1):
        own = slice(int(sets.bounds[stratum]), int(sets.bounds[stratum + 1]))
        hazards = hazards_at(fit, sets.time[own], stratum)
        hazard = np.diff(np.concatenate([[0.0], hazards.cumulative]))
        columns = [
            stratum,
            sets.time[own],
            n_event[own],
            hazard,
            hazards.cumulative,
            np.exp(-hazards.cumulative),
        ]
        parts.append(pd.DataFrame(dict(zip(HAZARD_COLUMNS, columns, strict=True))))
    return pd.concat(parts, ignore_index=True)


def standardised_rows(fit: CoxFit, frame: Frame) -> Floats:
    """The covariates of a frame as the model's standardised columns (n, q); NaN where one is missing or unknown.

    A level that the model has never seen has no prediction.
    """
    assert fit.model is not None
    columns = []
    for place, position in enumerate(fit.independent):
        term, name = fit.data.terms[position], fit.data.covariates[position]
        column = series(frame, name)
        if name in fit.data.references:
            seen_levels = {
                fit.data.references[name],
                *(fit.data.terms[j][len(name) + 1 : -1] for j in fit.data.positions(name)),
            }
            labels = column.astype(object).map(label, na_action="ignore")
            values = np.where(
                labels.isin(seen_levels), (labels == term[len(name) + 1 : -1]).astype(float), np.nan
            )
        elif is_numeric(column):
            values = numbers(frame, name)
        else:
            raise ValueError(f"column {name!r} must be numeric, as it was in the model")
        columns.append((values - fit.model.standard.centre[place]) / fit.model.scale[place])
    return np.column_stack(columns)


@checked
def predict_survival(
    fit: CoxFit,
    frame: Frame,
    at: float | Sequence[float],
    strata_codes: Ints | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Survival that the model predicts for each row of a frame at each time (unit of the model's frame).

    Limits on the log scale, as R's survfit of a Cox model; they hold the uncertainty of coefficients and hazard, and
    say nothing of whether the model is right. strata_codes (n,): the stratum of each row, 0 where there is one.
    Rows with a missing covariate or a level that the model has not seen: not_estimable.
    """
    marks = np.atleast_1d(np.asarray(at, dtype=np.float64))
    if fit.model is None or fit.status != OK:
        return tidy([], PREDICTED_COLUMNS, fit.data.n_missing)
    x = standardised_rows(fit, frame)
    codes = (
        np.zeros(len(x), dtype=np.int64) if strata_codes is None else np.asarray(strata_codes, dtype=np.int64)
    )
    covariance, z = scaled_covariance(fit), normal_quantile(level)
    rows = []
    for i, (row, code) in enumerate(zip(x, codes, strict=True)):
        hazards = hazards_at(fit, marks, int(code))
        risk = float(np.exp(row @ fit.model.scaled_beta))
        moved = risk * (hazards.cumulative[:, None] * row - hazards.weighted_mean)
        error = np.sqrt(risk**2 * hazards.variance + np.einsum("mi,ij,mj->m", moved, covariance, moved))
        survival = np.exp(-risk * hazards.cumulative)
        for m, mark in enumerate(marks):
            reason = (
                "A covariate is missing or has a level that the model has not seen." if np.isnan(risk) else ""
            )
            reason = reason or ("" if hazards.is_known[m] else BEYOND)
            limits = [survival[m] * np.exp(-z * error[m]), min(survival[m] * np.exp(z * error[m]), 1.0)]
            values = [np.nan] * 4 if reason else [survival[m], survival[m] * error[m], *limits]
            head = [i, int(code), float(mark), float(mark) / DAYS_PER_MONTH]
            rows.append([*head, *map(float, values), NOT_ESTIMABLE if reason else OK, reason])
    return tidy([dict(zip(PREDICTED_COLUMNS, row, strict=True)) for row in rows], PREDICTED_COLUMNS, 0)


@checked
def standardised_survival(
    fit: CoxFit, variable: str, at: float | Sequence[float], level: float = 0.95
) -> pd.DataFrame:
    """Survival of the whole cohort had everybody been in each level of `variable`, their other covariates as they are.

    The mean of the predicted survivals over the cohort (regression standardisation, Makuch 1982), at each time, with
    limits on the log-log scale from the delta method over coefficients and hazards, the cohort's covariates being
    given. It is the difference that the model attributes to the variable, adjusted for the others, and causal only as
    far as these are all that matters. variable: a factor, or a number of two values.
    """
    marks = np.atleast_1d(np.asarray(at, dtype=np.float64))
    if fit.data.covariates and variable not in fit.data.covariates:
        raise ValueError(f"standardised_survival: {variable!r} is no covariate of the model")
    if fit.model is None or fit.status != OK or not set(fit.data.positions(variable)) & set(fit.independent):
        reason = fit.note or f"{variable} has no estimate."
        row = {"variable": variable, "status": NOT_ESTIMABLE, "note": reason}
        return pd.DataFrame([row], columns=STANDARDISED_COLUMNS).drop(columns="stratum")
    rows = []
    for name, x in _counterfactual(fit, variable).items():
        survival, error, is_known = _mean_survival(fit, x, marks)
        with np.errstate(divide="ignore", invalid="ignore"):
            width = normal_quantile(level) * error / (survival * np.abs(np.log(survival)))
            limits = [survival ** np.exp(width), survival ** np.exp(-width)]
        for m, mark in enumerate(marks):
            values = [survival[m], error[m], limits[0][m], limits[1][m]] if is_known[m] else [np.nan] * 4
            head = [variable, name, -1, float(mark), float(mark) / DAYS_PER_MONTH]
            about = [OK, ""] if is_known[m] else [NOT_ESTIMABLE, BEYOND]
            rows.append([*head, *map(float, values), *about])
    table = [dict(zip(STANDARDISED_COLUMNS, row, strict=True)) for row in rows]
    return tidy(table, STANDARDISED_COLUMNS, fit.data.n_missing).drop(columns="stratum")


def _counterfactual(fit: CoxFit, variable: str) -> dict[str, Floats]:
    """The model's columns (n, q) with everybody in each level of a covariate."""
    assert fit.model is not None
    own = [fit.independent.index(j) for j in fit.data.positions(variable) if j in fit.independent]
    shift = fit.model.shift[fit.data.stratum] if len(fit.model.shift) else 0.0
    whole = fit.model.x + shift
    out = {}
    if variable in fit.data.references:
        levels = {fit.data.references[variable]: -1}
        levels |= {fit.data.terms[fit.independent[j]][len(variable) + 1 : -1]: j for j in own}
        for name, chosen in levels.items():
            x = whole.copy()
            for j in own:
                x[:, j] = ((j == chosen) - fit.model.standard.centre[j]) / fit.model.scale[j]
            out[name] = x
        return out
    values = np.unique(np.round(whole[:, own[0]], 12))
    if len(values) != 2:
        raise ValueError(f"standardised_survival: {variable!r} must be a factor or have two values")
    for value in values:
        x = whole.copy()
        x[:, own[0]] = value
        out[label(round(float(value * fit.model.scale[own[0]] + fit.model.standard.centre[own[0]]), 9))] = x
    return out


def _mean_survival(fit: CoxFit, x: Floats, marks: Floats) -> tuple[Floats, Floats, np.ndarray]:
    """Mean over the rows of the predicted survival at each time, its standard error, and whether it is known."""
    assert fit.model is not None
    weight = fit.data.count / fit.data.count.sum()
    risk = np.exp(x @ fit.model.scaled_beta)
    total, variance = np.zeros(len(marks)), np.zeros(len(marks))
    gradient, is_known = np.zeros((len(marks), x.shape[1])), np.ones(len(marks), dtype=bool)
    for stratum in range(len(fit.model.sets.bounds) - 1):
        rows = np.flatnonzero(fit.data.stratum == stratum)
        hazards = hazards_at(fit, marks, stratum)
        is_known &= hazards.is_known
        for m in range(len(marks)):
            survival = np.exp(-risk[rows] * hazards.cumulative[m])
            pull = weight[rows] * survival * risk[rows]
            total[m] += weight[rows] @ survival
            variance[m] += pull.sum() ** 2 * hazards.variance[m]
            gradient[m] += hazards.cumulative[m] * (pull @ x[rows]) - pull.sum() * hazards.weighted_mean[m]
    variance += np.einsum("mi,ij,mj->m", gradient, scaled_covariance(fit), gradient)
    return total, np.sqrt(variance), is_known
