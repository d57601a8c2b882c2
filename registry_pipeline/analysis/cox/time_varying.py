"""A coefficient over time: scaled Schoenfeld residuals and their smooth.

Belongs here: the smooth that one looks at beside the proportional-hazards test.
Does not belong here: the residuals and the test (analysis/cox/proportional_hazards.py, analysis/cox/result.py), drawing.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from registry_pipeline.analysis.arguments import checked
from registry_pipeline.analysis.cox.proportional_hazards import transformed_time
from registry_pipeline.analysis.cox.result import CoxFit
from registry_pipeline.analysis.cox.spline import spline_basis
from registry_pipeline.analysis.distributions import normal_quantile
from registry_pipeline.analysis.inputs import OK, Floats

COLUMNS = ["term", "kind", "duration_days", "coefficient", "ci_lower", "ci_upper"]
FEWEST_DEATHS = 10
_KNOTS = (0.05, 0.35, 0.65, 0.95)  # Harrell's four, as quantiles of the transformed death times


@checked
def coefficient_over_time(fit: CoxFit, n_points: int = 40, level: float = 0.95) -> pd.DataFrame:
    """Scaled Schoenfeld residuals of each term and a restricted cubic spline through them.

    Rows of kind 'residual' (one per death: its time, the residual plus the coefficient) and 'smooth' (the
    spline with pointwise limits of `level`). The spline runs over Kaplan-Meier time with four knots; the limits
    take the variance of a residual to be the number of deaths times that of the coefficient, as R's
    plot.cox.zph does (Grambsch & Therneau 1994). With fewer than 10 deaths, or fewer than four distinct
    knots, there are residuals but no smooth; a fit that is not certified gives no row.
    """
    residuals = fit.schoenfeld
    if fit.status != OK or fit.method == "firth" or residuals.empty:
        return pd.DataFrame(columns=COLUMNS)
    days = residuals["duration"].to_numpy(dtype=np.float64)
    g = transformed_time(fit.data.times, fit.data.count, "km")[_positions(fit, residuals)]
    terms = [name for name in residuals.columns if name not in ("row", "duration")]
    parts = [_residual_rows(name, days, residuals[name].to_numpy(dtype=np.float64)) for name in terms]
    knots = np.unique(np.quantile(g, _KNOTS))
    if len(g) >= FEWEST_DEATHS and len(knots) == len(_KNOTS):
        design = np.column_stack([np.ones(len(g)), spline_basis(g, list(knots))])
        at = np.unique(np.linspace(0, len(g) - 1, n_points).astype(int))
        parts += [
            _smooth_rows(fit, name, design, at, days, residuals[name].to_numpy(), normal_quantile(level))
            for name in terms
        ]
    return pd.concat(parts, ignore_index=True)


def _positions(fit: CoxFit, residuals: pd.DataFrame) -> np.ndarray:
    """Where the rows of the residuals stand among the rows used."""
    place = {int(row): position for position, row in enumerate(fit.data.row)}
    return np.array([place[int(row)] for row in residuals["row"]], dtype=np.int64)


def _residual_rows(term: str, days: Floats, values: Floats) -> pd.DataFrame:
    columns = [term, "residual", days, values, np.nan, np.nan]
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def _smooth_rows(
    fit: CoxFit, term: str, design: Floats, at: np.ndarray, days: Floats, values: Floats, z: float
) -> pd.DataFrame:
    """Least squares on the spline basis; the residuals are in order of time, so `at` is a grid of deaths."""
    inverse = np.linalg.pinv(design.T @ design)
    shown = design[at]
    smooth = shown @ (inverse @ (design.T @ np.asarray(values, dtype=np.float64)))
    variance = len(days) * float(fit.covariance.loc[term, term])
    half = z * np.sqrt(variance * np.einsum("ij,jk,ik->i", shown, inverse, shown))
    columns = [term, "smooth", days[at], smooth, smooth - half, smooth + half]
    rows = pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))
    return rows.drop_duplicates("duration_days")
