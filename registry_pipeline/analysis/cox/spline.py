"""A continuous covariate in a Cox model without a cutpoint: restricted cubic splines.

Belongs here: Harrell's basis, the fitted curve of the log hazard ratio, the test of nonlinearity.
Does not belong here: cutpoints (cutpoint.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.cox.fit import fit_cox
from registry_pipeline.analysis.cox.result import CoxFit
from registry_pipeline.analysis.distributions import chi_square_p, normal_quantile
from registry_pipeline.analysis.inputs import NOT_ESTIMABLE, OK, Floats, Frame, numbers, series

# Harrell, Regression Modeling Strategies, 2015, table 2.3.
KNOT_QUANTILES = {
    3: (0.10, 0.50, 0.90),
    4: (0.05, 0.35, 0.65, 0.95),
    5: (0.05, 0.275, 0.50, 0.725, 0.95),
}
CURVE_COLUMNS = [
    "variable",
    "value",
    "log_hazard_ratio",
    "ci_lower",
    "ci_upper",
    "hazard_ratio",
    "reference_value",
]
TEST_COLUMNS = ["variable", "test", "chi_square", "degrees_of_freedom", "p_value"]


@dataclass(frozen=True)
class SplineFit:
    """curve: log hazard ratio against the reference value with 95 % limits; tests: overall and nonlinearity
    (likelihood ratio); knots; fit: the Cox model; status and note as there.
    """

    curve: pd.DataFrame
    tests: pd.DataFrame
    knots: tuple[float, ...]
    fit: CoxFit | None
    status: str
    note: str


@checked
def spline_basis(values: Floats, knots: Sequence[float]) -> Floats:
    """Give the restricted cubic spline basis (n, k - 1) of Harrell: linear beyond the outer knots.

    The first column is the variable itself; the others are divided by the squared range of the knots, so all
    are in the variable's unit. Needs at least three increasing knots.
    """
    knot = np.asarray(knots, dtype=np.float64)
    if len(knot) < 3 or np.any(np.diff(knot) <= 0):
        raise ValueError("a spline needs at least three increasing knots")
    x = np.asarray(values, dtype=np.float64)
    last, before = knot[-1], knot[-2]
    # In units of the knots' range: a cube of absurd readings would overflow.
    width = last - knot[0]
    cube = np.maximum((x[:, None] - knot[None, :]) / width, 0.0) ** 3
    bend = (
        cube[:, :-2]
        - cube[:, -2:-1] * ((last - knot[:-2]) / (last - before))
        + cube[:, -1:] * ((before - knot[:-2]) / (last - before))
    )
    return np.column_stack([x, bend * width])


@checked
def fit_size_spline(
    frame: Frame,
    duration: str,
    event: str,
    variable: str,
    n_knots: int = 3,
    reference: float | None = None,
    adjust: Sequence[str] = (),
    n_points: int = 101,
    cross_check: bool = True,
    level: float = 0.95,
) -> SplineFit:
    """Model the log hazard as a smooth function of a continuous covariate, usually lesion size.

    n_knots: 3, 4 or 5 at Harrell's quantiles. reference: value with hazard ratio 1, the median by default.
    adjust: further covariates; cross_check: as in `fit_cox`. The curve spans the known values; nonlinearity is tested by the likelihood
    ratio against the linear model. Fewer than three distinct knots: not_estimable.
    """
    values = numbers(frame, variable)
    measured = values[~np.isnan(values)]
    knots = tuple(float(q) for q in np.quantile(measured, KNOT_QUANTILES[n_knots])) if len(measured) else ()
    if len(set(knots)) < n_knots:
        return _nothing(variable, knots, None, f"{variable} has too few distinct values for {n_knots} knots.")
    work, names = _with_basis(frame, [duration, event, *adjust], variable, values, knots)
    full = fit_cox(work, duration, event, [*names, *adjust], cross_check=cross_check, level=level)
    linear = fit_cox(work, duration, event, [names[0], *adjust], cross_check=False)
    if full.status != OK or not (full.terms["status"][: len(names)] == OK).all():
        return _nothing(variable, knots, full, full.note)
    centre = float(np.median(measured)) if reference is None else float(reference)
    grid = np.unique(np.append(np.linspace(measured.min(), measured.max(), n_points), centre))
    curve = _curve(full, variable, names, knots, grid, centre, level)
    return SplineFit(
        curve, _tests(work, duration, event, variable, full, linear, adjust), knots, full, OK, full.note
    )


def _with_basis(
    frame: Frame, others: Sequence[str], variable: str, values: Floats, knots: Sequence[float]
) -> tuple[pd.DataFrame, list[str]]:
    """Copy the needed columns and add the basis."""
    work = pd.DataFrame({name: series(frame, name) for name in dict.fromkeys(others)})
    names = [variable, *(f"{variable} (bend {j})" for j in range(1, len(knots) - 1))]
    for name, column in zip(names, spline_basis(values, knots).T, strict=True):
        work[name] = column
    return work, names


def _curve(
    fit: CoxFit,
    variable: str,
    names: list[str],
    knots: Sequence[float],
    grid: Floats,
    centre: float,
    level: float,
) -> pd.DataFrame:
    """Tabulate the log hazard ratio against the reference value."""
    beta = fit.terms.set_index("term").loc[names, "coefficient"].to_numpy(dtype=np.float64)
    covariance = fit.covariance.loc[names, names].to_numpy(dtype=np.float64)
    contrast = spline_basis(grid, knots) - spline_basis(np.array([centre]), knots)
    effect = contrast @ beta
    half = normal_quantile(level) * np.sqrt(np.einsum("ij,jk,ik->i", contrast, covariance, contrast))
    columns = [variable, grid, effect, effect - half, effect + half, np.exp(effect), centre]
    return pd.DataFrame(dict(zip(CURVE_COLUMNS, columns, strict=True)))


def _tests(
    work: pd.DataFrame,
    duration: str,
    event: str,
    variable: str,
    full: CoxFit,
    linear: CoxFit,
    adjust: Sequence[str],
) -> pd.DataFrame:
    """Likelihood-ratio tests of the variable as a whole and of its departure from a straight line."""
    assert full.estimates is not None
    measured = work[work[variable].notna()]
    without = fit_cox(measured, duration, event, list(adjust), cross_check=False) if adjust else None
    floor = full.estimates.log_likelihood_null
    if without is not None:
        floor = without.estimates.log_likelihood if without.estimates is not None else float("nan")
    straight = linear.estimates.log_likelihood if linear.estimates is not None else float("nan")
    n_bend = len(full.independent) - len(linear.independent)
    n_all = len(full.independent) - (0 if without is None else len(without.independent))
    rows = []
    for test, lower, freedom in (("overall", floor, n_all), ("nonlinearity", straight, n_bend)):
        statistic = 2 * (full.estimates.log_likelihood - lower)
        rows.append([variable, test, statistic, freedom, chi_square_p(statistic, freedom)])
    return pd.DataFrame(rows, columns=TEST_COLUMNS)


def _nothing(variable: str, knots: tuple[float, ...], fit: CoxFit | None, note: str) -> SplineFit:
    """Make a result without numbers."""
    status = NOT_ESTIMABLE if fit is None or fit.status == OK else fit.status
    empty = pd.DataFrame(columns=CURVE_COLUMNS)
    return SplineFit(empty, pd.DataFrame(columns=TEST_COLUMNS), knots, fit, status, note)
