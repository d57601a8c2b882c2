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
    SELECT
        stratum, moment, sum(died) AS died, sum(risk) AS risk, sum(risk_beyond) AS risk_beyond,
        sum(dying) AS dying, sum(dying_beyond) AS dying_beyond
    FROM (
        SELECT
            stratum, stop AS moment, died, risk, risk_beyond,
            CASE WHEN died > 0 THEN risk ELSE 0 END AS dying,
            CASE WHEN died > 0 THEN risk_beyond ELSE 0 END AS dying_beyond
        FROM cox
        UNION ALL SELECT stratum, entry, 0, -risk, -risk_beyond, 0, 0 FROM cox WHERE entry >= 0
    ) GROUP BY ALL
), at_risk AS (
    SELECT *, sum(risk) OVER later AS total, sum(risk_beyond) OVER later AS total_beyond
    FROM moment WINDOW later AS (PARTITION BY stratum ORDER BY moment DESC)
), step AS (
    SELECT
        moment, share, total - share * dying AS size, total_beyond - share * dying_beyond AS size_beyond
    FROM (SELECT *, unnest(range(died::BIGINT)) / died AS share FROM at_risk WHERE died > 0)
), jump AS (
    SELECT
        moment, sum(ln(size)) AS height, sum(1 / size) AS hazard, sum(share / size) AS dying_hazard,
        sum(1 / size_beyond) AS hazard_beyond, sum(share / size_beyond) AS dying_hazard_beyond
    FROM step GROUP BY ALL
)
SELECT
    coalesce(height, 0) AS height,
    coalesce(sum(hazard) OVER earlier, 0) AS hazard, coalesce(dying_hazard, 0) AS dying_hazard,
    coalesce(sum(hazard_beyond) OVER earlier, 0) AS hazard_beyond,
    coalesce(dying_hazard_beyond, 0) AS dying_hazard_beyond
FROM moment LEFT JOIN jump USING (moment)
WINDOW earlier AS (PARTITION BY stratum ORDER BY moment)
ORDER BY moment
"""
"""The moments of a Cox model, numbered stratum by stratum in order of time: what is added up at each of them."""


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
    predictor, beyond = x @ beta, x @ (beta + STRETCH * covariance @ direction)
    died = (data.count * (data.times.event > 0)).astype(np.int64)
    risk, risk_beyond = data.count * np.exp(predictor), data.count * np.exp(beyond)
    stop, entry = _moments(data)
    rows = {
        "stratum": data.stratum,
        "entry": np.full(len(x), -1) if entry is None else entry,
        "stop": stop,
        "died": died,
        "risk": risk,
        "risk_beyond": risk_beyond,
    }
    with _database().cursor() as connection:
        connection.register("cox", pd.DataFrame(rows, copy=False))
        course = connection.execute(HAZARDS).fetchnumpy()

    def score_at(of: str, risk: Floats) -> Floats:
        hazard = course[f"hazard{of}"][stop] - np.where(died > 0, course[f"dying_hazard{of}"][stop], 0)
        if entry is not None:
            hazard -= np.where(entry >= 0, course[f"hazard{of}"][entry], 0)
        return np.asarray((died - risk * hazard) @ x, dtype=np.float64)

    score = score_at("", risk)
    error = (score - score_at("_beyond", risk_beyond)) / STRETCH - direction
    log_likelihood = float(died @ predictor - course["height"].sum())
    return Opinion(log_likelihood, score, float(np.sqrt(max(error @ covariance @ error, 0.0))))


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """An empty database in memory, opened once for all fits of a process."""
    import duckdb

    return duckdb.connect(config={"threads": 1})


def _moments(data: CoxData) -> tuple[Ints, Ints | None]:
    """The number of the moment at which each row ends, and of that at which it enters: -1 where it always was there."""
    times = data.times
    if times.entry is None and not data.stratum.any():
        return times.distinct[1], None
    n, entry = len(times), np.empty(0) if times.entry is None else times.entry
    moment = np.empty(n + len(entry), dtype=np.complex128)  # sorted by the real part first
    moment.real, moment.imag = np.resize(data.stratum, len(moment)), np.append(times.duration, entry)
    is_there = np.isfinite(moment.imag)
    number = np.full(len(moment), -1, dtype=np.int64)
    number[is_there] = np.unique(moment[is_there], return_inverse=True)[1]
    return number[:n], None if times.entry is None else number[n:]
