"""Multiple imputation of missing covariates before a Cox model, pooled by Rubin's rules.

Belongs here: what enters the imputation model, drawing complete data sets, pooling their estimates.
Does not belong here: the chained equations (statsmodels MICE), the Cox model (fit.py), counts of missing
values (missing.py).

An option beside the complete cases, never instead of them. It assumes that values are missing at random
given the covariates and the outcome; the data cannot show that they are.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.cox.fit import fit_cox
from registry_pipeline.analysis.cox.levels import with_leading_p
from registry_pipeline.analysis.cox.result import TERM_COLUMNS, CoxFit
from registry_pipeline.analysis.cox.rubin import pool_rubin
from registry_pipeline.analysis.distributions import student_p, student_quantile
from registry_pipeline.analysis.inputs import (
    NOT_ESTIMABLE,
    OK,
    Floats,
    Frame,
    is_numeric,
    label,
    numbers,
    series,
)
from registry_pipeline.analysis.product_limit import risk_table
from registry_pipeline.analysis.times import Times, check_times

METHOD = "mice"
FEWEST_USED = 0.8  # share of the imputed data sets whose fit must be certified
SKIP = 3  # cycles between two data sets of a chain, as statsmodels' own MICE
MATCHES = 10  # values drawn from this many nearest predictions
COLUMNS = [
    *TERM_COLUMNS, "p_value_method", "degrees_of_freedom", "fraction_missing_information", "variance_share_missing",
]  # fmt: skip


@dataclass(frozen=True)
class ImputedCox:
    """terms: as `CoxFit.terms`, pooled; summary: one row as `result.cox_fit`; status and note as there."""

    terms: pd.DataFrame
    summary: pd.DataFrame
    status: str
    note: str


@dataclass(frozen=True)
class _Coded:
    """Covariates as numbers: one column each, with the levels behind the codes of texts."""

    columns: pd.DataFrame
    levels: dict[str, list[str]] = field(default_factory=dict)


@checked
def fit_cox_imputed(
    frame: Frame,
    duration: str,
    event: str,
    covariates: Sequence[str],
    strata: str | Sequence[str] | None = None,
    n_imputations: int = 20,
    n_cycles: int = 10,
    seed: int = 0,
    level: float = 0.95,
) -> ImputedCox:
    """Fit a Cox model to data sets whose missing covariates were imputed, and pool the coefficients.

    Chained equations with predictive mean matching (statsmodels MICEData): every missing value is replaced by
    one that was observed. The imputation model holds all covariates, the event and the Nelson-Aalen
    cumulative hazard at the patient's time (White & Royston 2009). Texts of two levels and ordered categories
    are imputed by their codes; a text of more levels is used where it is complete, and with missing values
    there is no estimate, because mean matching of unordered codes would mean nothing. `strata` and outcome must be
    known: rows without a stratum are left out. Each fit must be certified; fewer than four fifths: not_estimable.
    The limits use Barnard and Rubin's degrees of freedom. fraction_missing_information is mice's,
    variance_share_missing the share of the variance that lies between the data sets. Raises ValueError for fewer than two imputations.
    """
    names = [covariates] if isinstance(covariates, str) else list(covariates)
    times = check_times(frame, duration, event)
    layers = [strata] if isinstance(strata, str) else list(strata or ())
    used = dict.fromkeys([duration, event, *names, *layers])
    work = pd.DataFrame({name: series(frame, name) for name in used})
    has_stratum = work[layers].notna().all(axis=1).to_numpy()
    work, times = work[has_stratum].reset_index(drop=True), times.take(has_stratum)
    complete = fit_cox(work, duration, event, names, strata=strata, cross_check=False)
    missing = work[names].isna()
    n_missing = int(missing.any(axis=1).sum())
    reason = _why_not(work, names, missing, times)
    if reason:
        return _result(complete, times, n_missing, n_imputations, 0, None, reason)
    coded = _code(work, names)
    fits = []
    for filled in _impute(coded, times, n_imputations if n_missing else 2, n_cycles, seed):
        sample = work.assign(**_decode(filled, coded, work, complete.data.references))
        fits.append(fit_cox(sample, duration, event, names, strata=strata, cross_check=False))
    return _pool(complete, times, n_missing, n_imputations if n_missing else 2, fits, level)


def _why_not(work: pd.DataFrame, names: list[str], missing: pd.DataFrame, times: Times) -> str:
    """Say why nothing can be imputed, or nothing."""
    if not len(work):
        return "There are no patients."
    if times.event.sum() < 2:
        return (
            "There are no events."
            if not times.event.any()
            else "There is only one event; it cannot bear a model."
        )
    unknown = [name for name in names if missing[name].all()]
    if unknown:
        return f"No value of {', '.join(unknown)} is known; nothing can be imputed from."
    unordered = [name for name in names if missing[name].any() and _is_unordered(work[name])]
    if unordered:
        return f"{', '.join(unordered)}: more than two unordered levels with missing values are not imputed."
    return ""


def _is_unordered(column: pd.Series) -> bool:
    """Say whether a column holds more than two levels without an order."""
    if is_numeric(column):
        return False
    if isinstance(column.dtype, pd.CategoricalDtype) and column.cat.ordered:
        return False
    return int(column.nunique()) > 2


def _code(work: pd.DataFrame, names: list[str]) -> _Coded:
    """Every covariate as one number; complete unordered texts of more levels as indicators, which predict only."""
    columns: dict[str, Floats] = {}
    levels: dict[str, list[str]] = {}
    for name in names:
        column = work[name]
        if is_numeric(column):
            columns[name] = numbers(work, name)
        elif _is_unordered(column):
            dummies = pd.get_dummies(column.map(label), dtype=float).iloc[:, 1:]
            columns |= {f"{name}[{level}]": dummies[level].to_numpy() for level in dummies}
        else:
            code, labels = _levels(column)
            columns[name] = np.where(code < 0, np.nan, code).astype(np.float64)
            levels[name] = labels
    return _Coded(pd.DataFrame(columns, index=work.index), levels)


def _levels(column: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Codes (-1 missing) and levels of a text column, in the order of its categories where it has one."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(), list(column.cat.categories)
    code, labels = pd.factorize(column, sort=True)
    return code, list(labels)


def _decode(
    filled: pd.DataFrame, coded: _Coded, work: pd.DataFrame, references: dict[str, str]
) -> dict[str, pd.Series]:
    """The imputed covariates in their own terms; those that were complete stay as they are.

    A text keeps the reference level of the complete cases: left to each data set, the most frequent level
    would differ from one to the next, and unlike coefficients would be pooled.
    """
    out: dict[str, pd.Series] = {}
    for name in coded.columns:
        if name not in work or not work[name].isna().any():
            continue
        if name in coded.levels:
            levels = coded.levels[name]
            first = sorted(
                levels, key=lambda level: (label(level) != references.get(name), levels.index(level))
            )
            ordered = isinstance(work[name].dtype, pd.CategoricalDtype)
            codes = [levels[int(code)] for code in filled[name]]
            out[name] = pd.Series(pd.Categorical(codes, levels if ordered else first), index=work.index)
        else:
            out[name] = pd.Series(filled[name].to_numpy(dtype=np.float64), index=work.index)
    return out


def cumulative_hazard(times: Times) -> Floats:
    """Nelson-Aalen cumulative hazard at each row's own time."""
    table = risk_table(times)
    hazard = np.cumsum(table.n_event / np.maximum(table.n_at_risk, 1))
    value: Floats = hazard[np.searchsorted(table.time, times.duration)]
    return value


def _impute(coded: _Coded, times: Times, n: int, n_cycles: int, seed: int) -> list[pd.DataFrame]:
    """Draw n complete data sets from one chain: n_cycles to forget the start, then one in every SKIP cycles."""
    from statsmodels.imputation.mice import MICEData

    plain = {f"v{i}": coded.columns[name].to_numpy() for i, name in enumerate(coded.columns)}
    data = pd.DataFrame(plain | {"died": times.event.astype(float), "hazard": cumulative_hazard(times)})
    used = data.loc[:, [bool(varies) for varies in data.nunique() > 1]]
    constant = {name: data[name].dropna().iloc[0] for name in data.columns if name not in used}
    generator, out = np.random.default_rng(seed), []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        chain = MICEData(used, k_pmm=MATCHES, rng=generator)
        for i in range(n):
            if chain._cycle_order:
                chain.update_all(SKIP if i else n_cycles)
            filled = chain.data.assign(**constant)[list(plain)]
            out.append(filled.set_axis(coded.columns.columns, axis=1).set_axis(coded.columns.index, axis=0))
    return out


def _pool(
    complete: CoxFit, times: Times, n_missing: int, n_imputations: int, fits: list[CoxFit], level: float
) -> ImputedCox:
    """Pool the certified fits."""
    usable = [fit for fit in fits if fit.status == OK and fit.terms["status"].eq(OK).all()]
    same = [fit for fit in usable if list(fit.terms["term"]) == list(usable[0].terms["term"])]
    if len(same) < max(2, FEWEST_USED * len(fits)):
        note = f"{len(same)} of {len(fits)} imputed data sets gave a certified fit. {fits[0].note}".strip()
        return _result(complete, times, n_missing, n_imputations, len(same), None, note)
    return _result(complete, times, n_missing, n_imputations, len(same), same, _few(same[0]), level)


def _few(fit: CoxFit) -> str:
    """What the fits say of few events."""
    return " ".join(part for part in fit.note.split(". ") if part.startswith("Only "))


def _result(
    complete: CoxFit,
    times: Times,
    n_missing: int,
    n_imputations: int,
    n_used: int,
    fits: list[CoxFit] | None,
    note: str,
    level: float = 0.95,
) -> ImputedCox:
    """Make the tidy frames, with or without numbers."""
    status, n_event = (OK if fits else NOT_ESTIMABLE), int(times.event.sum())
    terms = (fits[0].terms if fits else complete.terms)[["term", "reference_level"]].copy()
    values = np.full((len(terms), 9), np.nan)
    if fits:
        values = _numbers(fits, n_event, level)
    for j, name in enumerate([*TERM_COLUMNS[1:7], *COLUMNS[-3:]]):
        terms[name] = values[:, j]
    terms = terms.assign(method=METHOD, status=status, note="" if fits else note)
    levels = fits[0].data.levels if fits else complete.data.levels
    terms = with_leading_p(terms, levels, "pooled t", None)[COLUMNS]
    row = {
        "n": len(times), "n_missing": n_missing, "n_event": n_event,
        "events_per_variable": n_event / max(len(terms), 1), "n_imputations": n_imputations,
        "n_used": n_used, "method": METHOD, "status": status, "note": note,
    }  # fmt: skip
    return ImputedCox(terms, pd.DataFrame([row]), status, note)


def _numbers(fits: list[CoxFit], n_event: int, level: float) -> Floats:
    """Coefficient, error, hazard ratio, limits, p, degrees of freedom, shares missing: (p, 9)."""
    estimates = np.array([fit.terms["coefficient"].to_numpy(dtype=np.float64) for fit in fits])
    variances = np.array([fit.terms["standard_error"].to_numpy(dtype=np.float64) ** 2 for fit in fits])
    p = estimates.shape[1]
    # Complete data carry about as many degrees of freedom as events: censored patients say little of a hazard.
    pooled = pool_rubin(estimates, variances, float(max(n_event - p, 1)))
    half = student_quantile(level, pooled.degrees_of_freedom) * pooled.standard_error
    with np.errstate(over="ignore"):
        ratios = np.exp(np.column_stack([pooled.estimate, pooled.estimate - half, pooled.estimate + half]))
    p_value = student_p(pooled.estimate / pooled.standard_error, pooled.degrees_of_freedom)
    columns = [pooled.estimate, pooled.standard_error, *ratios.T, p_value]
    shares = [pooled.fraction_missing, pooled.variance_share_missing]
    return np.column_stack([*columns, pooled.degrees_of_freedom, *shares])
