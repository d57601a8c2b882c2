"""A second engine beside ours: lifelines, asked whether it sees the same maximum.

Belongs here: running lifelines' Cox fit silently and wording how far it agrees.
Does not belong here: anything reported as an estimate.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings

import numpy as np
import pandas as pd

from registry_pipeline.analysis.cox.design import CoxData
from registry_pipeline.analysis.inputs import Floats

MAX_ROWS = 100_000
AGREEMENT = 1e-3  # in standard errors
MAX_STEPS = 30
STEP_TOLERANCE = 1e-6  # in standard errors; the last step of a search from a wrong point
# lifelines' own stopping rule leaves 1.2e-4; these values leave 5e-8 on well-behaved data.
FIT_OPTIONS = {"step_size": 1.0, "precision": 1e-13, "r_precision": 1e-16}


def second_opinion(data: CoxData, x: Floats, beta: Floats, error: Floats, log_likelihood: float) -> str:
    """Compare a fit with lifelines; an empty text when both agree to 1e-3 standard errors.

    x (n, q): standardised independent columns; beta, error (q,): our coefficients for them.
    """
    if data.n > MAX_ROWS:
        return f"More than {MAX_ROWS:,} rows: no second engine looked at this fit."
    try:
        is_plain = data.times.entry is None and not data.stratum.any()
        other, other_likelihood = _maximum_near(data, x, beta, error) if is_plain else _lifelines(data, x)
    except Exception as problem:
        # Whatever the other engine raises is its opinion of the data, not a failure of ours.
        return f"The second engine (lifelines) did not fit this model ({type(problem).__name__})."
    distance = float(np.max(np.abs(other - beta) / error, initial=0.0))
    if np.isfinite(distance) and distance <= AGREEMENT:
        return ""
    if other_likelihood < log_likelihood - 1e-6:
        return (
            "The second engine (lifelines) stopped at a lower likelihood, "
            f"{log_likelihood - other_likelihood:.3g} below the certified maximum."
        )
    return f"The second engine (lifelines) differs by {distance:.2g} standard errors."


def _maximum_near(data: CoxData, x: Floats, beta: Floats, error: Floats) -> tuple[Floats, float]:
    """Where Newton's steps on lifelines' likelihood end from our solution, and the likelihood there.

    At a maximum the first step is zero, and one evaluation settles the matter; from anywhere else the steps
    lead to lifelines' maximum, for the likelihood has only one. A full fit of theirs takes minutes for 100,000 rows.
    """
    from lifelines.fitters.coxph_fitter import SemiParametricPHFitter

    columns = _in_order(data, x)
    likelihood_of = SemiParametricPHFitter()._get_efron_values_batch
    other, likelihood = beta, -np.inf
    for _ in range(MAX_STEPS):
        curvature, slope, likelihood = likelihood_of(*columns, None, other)
        step = np.linalg.solve(-curvature, slope)
        other = other + step
        if not np.max(np.abs(step) / error, initial=0.0) > STEP_TOLERANCE:
            break
    return other, float(likelihood)


def _in_order(data: CoxData, x: Floats) -> tuple[pd.DataFrame, pd.Series, pd.Series, pd.Series]:
    """Covariates, times, events and weights as lifelines wants them, made without our own risk sets.

    Whoever is censored is at risk for the same deaths when censored at the last death before: lifelines then
    goes through the times of deaths only. Who is censored before the first death is at risk for none.
    """
    is_death = (data.times.event > 0) & (data.count > 0)
    deaths = np.unique(data.times.duration[is_death])
    key = 2 * np.searchsorted(deaths, data.times.duration, side="right") + is_death
    # Numbers of two bytes are sorted by counting them.
    small = key.astype(np.uint16) if int(key.max(initial=0)) <= np.iinfo(np.uint16).max else key
    rows = np.argsort(small, kind="stable")
    rows = rows[np.searchsorted(key[rows], 2) :]
    # Every death is a row of its own, for ties; of the others one row with a weight says as much.
    rows = np.repeat(rows, np.where(is_death, data.count, 1).astype(np.int64)[rows])
    return (
        pd.DataFrame(x[rows]),
        pd.Series(deaths[key[rows] // 2 - 1]),
        pd.Series(is_death[rows].astype(np.int64)),
        pd.Series(np.where(is_death, 1.0, data.count)[rows]),
    )


def _lifelines(data: CoxData, x: Floats) -> tuple[Floats, float]:
    """Fit with lifelines, without a word on any stream."""
    copies = np.repeat(np.arange(len(data.row)), data.count.astype(np.int64))
    names = [f"x{j}" for j in range(x.shape[1])]
    frame = pd.DataFrame(x[copies], columns=names)
    frame["duration"] = data.times.duration[copies]
    frame["event"] = data.times.event[copies]
    options: dict[str, object] = {}
    if data.stratum.max(initial=0) > 0:
        frame["stratum"] = data.stratum[copies]
        options["strata"] = ["stratum"]
    if data.times.entry is not None:
        frame["entry"] = data.times.entry[copies]
        options["entry_col"] = "entry"
    with warnings.catch_warnings(), np.errstate(all="ignore"), _silence():
        warnings.simplefilter("ignore")
        from lifelines import CoxPHFitter

        fitter = CoxPHFitter()
        fitter.fit(frame, "duration", "event", fit_options=FIT_OPTIONS, **options)
    return fitter.params_[names].to_numpy(dtype=np.float64), float(fitter.log_likelihood_)


@contextlib.contextmanager
def _silence():  # type: ignore[no-untyped-def]
    """Keep another library's prints and log records away from the user."""
    previous = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(previous)
