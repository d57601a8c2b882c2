"""A second implementation beside ours, asked whether it sees the same maximum: statsmodels, or SQL where rows are many.

Belongs here: another engine's likelihood, score and information at our solution, and the wording of how far they agree.
Does not belong here: anything reported as an estimate.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from registry_pipeline.analysis.cox.design import CoxData
from registry_pipeline.analysis.inputs import Floats, Ints
from registry_pipeline.core.native_panics import panics_as_exceptions

if TYPE_CHECKING:
    import duckdb

MOST_STATSMODELS = 20_000
"""Patients up to which statsmodels is asked: it walks through the rows in Python."""
AGREEMENT = 1e-3  # in standard errors
SAME_CURVATURE = 0.01  # of the information, over a stretch of STRETCH standard errors
STRETCH = 1e-3

HAZARDS = """
WITH moment AS (
    SELECT stratum, time, sum(risk) AS risk, sum(died) AS died, sum(dying) AS dying
    FROM (
        SELECT stratum, stop AS time, risk, died, CASE WHEN died > 0 THEN risk ELSE 0 END AS dying FROM cox
        UNION ALL SELECT stratum, entry, -risk, 0, 0 FROM cox WHERE entry > '-inf'
    ) GROUP BY ALL
), at_risk AS (
    SELECT *, sum(risk) OVER (PARTITION BY stratum ORDER BY time DESC) AS total FROM moment
), step AS (
    SELECT stratum, time, total - share * dying AS size, share
    FROM (SELECT *, unnest(range(died::BIGINT)) / died AS share FROM at_risk WHERE died > 0)
), jump AS (
    SELECT stratum, time, sum(ln(size)) AS height, sum(1 / size) AS hazard, sum(share / size) AS dying_hazard
    FROM step GROUP BY ALL
)
SELECT
    stratum, time, coalesce(dying_hazard, 0) AS dying_hazard, coalesce(height, 0) AS height,
    coalesce(sum(hazard) OVER (PARTITION BY stratum ORDER BY time), 0) AS hazard
FROM moment LEFT JOIN jump USING (stratum, time)
ORDER BY stratum, time
"""


@dataclass(frozen=True)
class Opinion:
    """Another engine's log-likelihood and score (q,), and how far its information is from ours, relatively, if asked."""

    log_likelihood: float
    score: Floats
    curvature_error: float = 0.0


def cross_check_note(
    data: CoxData, x: Floats, beta: Floats, covariance: Floats, log_likelihood: float
) -> str:
    """Compare a fit with another engine; an empty text when both agree to 1e-3 standard errors.

    x (n, q): standardised independent columns; beta (q,), covariance (q, q): ours for them. The likelihood has one
    maximum: the Newton step from our solution by the other's score is how far away the other sees it.
    """
    if data.is_weighted:
        return "No second implementation looked at this fit: it has case weights."
    name = "statsmodels" if data.n <= MOST_STATSMODELS else "SQL"
    try:
        with panics_as_exceptions():
            opinion = (
                _statsmodels(data, x, beta) if name == "statsmodels" else _sql(data, x, beta, covariance)
            )
    except Exception as problem:
        # Whatever the other engine raises is its opinion of the data, not a failure of ours.
        return f"The second implementation ({name}) did not fit this model ({type(problem).__name__})."
    difference = _difference(opinion, covariance, log_likelihood)
    return f"The second implementation ({name}) {difference}." if difference else ""


def _difference(opinion: Opinion, covariance: Floats, log_likelihood: float) -> str:
    """What the other engine sees otherwise, in words."""
    gap = opinion.log_likelihood - log_likelihood
    if not abs(gap) <= 1e-8 * max(1.0, abs(log_likelihood)):
        return f"has a log-likelihood that differs by {gap:.3g}"
    step = np.abs(covariance @ opinion.score) / np.sqrt(np.diag(covariance))
    distance = float(np.max(step, initial=0.0))
    if not distance <= AGREEMENT:
        return f"sees the maximum {distance:.2g} standard errors away"
    if not opinion.curvature_error <= SAME_CURVATURE:
        return f"has an information that differs by {opinion.curvature_error:.2g} of ours"
    return ""


def _statsmodels(data: CoxData, x: Floats, beta: Floats) -> Opinion:
    """Log-likelihood and score at beta; rows that stand for several patients are repeated."""
    from statsmodels.duration.hazard_regression import PHReg

    copies = np.repeat(np.arange(len(data.row)), data.count.astype(np.int64))
    times = data.times.take(copies)
    strata = data.stratum[copies] if data.stratum.any() else None
    # statsmodels counts who enters on the day of a death as at risk for it; we, as R, do not.
    entry = None if times.entry is None else np.nextafter(times.entry, np.inf)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        model = PHReg(times.duration, x[copies], status=times.event, entry=entry, strata=strata, ties="efron")
        score = np.asarray(model.score(beta), dtype=np.float64)
        return Opinion(float(model.loglike(beta)), score)


def _sql(data: CoxData, x: Floats, beta: Floats, covariance: Floats) -> Opinion:
    """Log-likelihood, score and information at beta, of sums that DuckDB makes.

    The score is the sum of covariates times martingale residuals (Therneau & Grambsch 2000, 4.2), the information how
    it changes over a short stretch in which every column moves: no sum of our likelihood is in either.
    """
    direction = np.ones(len(beta)) / np.sqrt(covariance.sum())
    with _database().cursor() as connection:
        log_likelihood, score = _by_residuals(connection, data, x, beta)
        _, further = _by_residuals(connection, data, x, beta + STRETCH * covariance @ direction)
    error = (score - further) / STRETCH - direction
    return Opinion(log_likelihood, score, float(np.sqrt(max(error @ covariance @ error, 0.0))))


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """An empty database in memory, opened once for all fits of a process."""
    import duckdb

    return duckdb.connect(config={"threads": 1})


def _by_residuals(
    connection: duckdb.DuckDBPyConnection, data: CoxData, x: Floats, beta: Floats
) -> tuple[float, Floats]:
    """Log-likelihood and score, by the hazards that SQL adds up."""
    predictor, entry = x @ beta, data.times.entry
    died = (data.count * (data.times.event > 0)).astype(np.int64)
    rows = {
        "stratum": data.stratum,
        "entry": np.full(len(x), -np.inf) if entry is None else entry,
        "stop": data.times.duration,
        "died": died,
        "risk": data.count * np.exp(predictor),
    }
    connection.register("cox", pd.DataFrame(rows, copy=False))
    course = connection.execute(HAZARDS).fetchnumpy()
    moments = _moments(course["stratum"], course["time"])
    stop = np.searchsorted(moments, _moments(data.stratum, data.times.duration))
    hazard = course["hazard"][stop] - np.where(died > 0, course["dying_hazard"][stop], 0)
    if entry is not None:
        entered = np.searchsorted(moments, _moments(data.stratum, entry))
        is_late = entry > -np.inf
        hazard[is_late] -= course["hazard"][entered[is_late]]
    log_likelihood = float(died @ predictor - course["height"].sum())
    return log_likelihood, np.asarray((died - rows["risk"] * hazard) @ x, dtype=np.float64)


def _moments(stratum: Ints, time: Floats) -> npt.NDArray[np.complex128]:
    """Times by stratum in one number, which is sorted by the real part first."""
    moment = np.empty(len(time), dtype=np.complex128)
    moment.real, moment.imag = stratum, time
    return moment
