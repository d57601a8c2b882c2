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

from registry_pipeline.analysis.cox_design import CoxData
from registry_pipeline.analysis.gate import Floats

MAX_ROWS = 100_000
AGREEMENT = 1e-3  # in standard errors
# lifelines' own stopping rule leaves 1.2e-4; these values leave 5e-8 on well-behaved data.
MANY_ROWS = 5_000
FIT_OPTIONS = {"step_size": 1.0, "precision": 1e-13, "r_precision": 1e-16}


def second_opinion(data: CoxData, x: Floats, beta: Floats, error: Floats, log_likelihood: float) -> str:
    """Compare a fit with lifelines; an empty text when both agree to 1e-3 standard errors.

    x (n, q): standardised independent columns; beta, error (q,): our coefficients for them.
    """
    if data.n > MAX_ROWS:
        return f"More than {MAX_ROWS:,} rows: no second engine looked at this fit."
    try:
        is_large = data.n > MANY_ROWS and data.times.entry is None and not data.stratum.any()
        other, other_likelihood = _newton_step(data, x, beta) if is_large else _lifelines(data, x)
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


def _newton_step(data: CoxData, x: Floats, beta: Floats) -> tuple[Floats, float]:
    """Where lifelines' likelihood of many rows would go next from our solution: nowhere if it agrees.

    Its full fit takes minutes for 100,000 rows; at a maximum its Newton step is zero, and anywhere else the
    step is the distance to its maximum.
    """
    from lifelines.fitters.coxph_fitter import SemiParametricPHFitter

    copies = np.repeat(np.arange(len(data.row)), data.count.astype(np.int64))
    duration, event = data.times.duration[copies], data.times.event[copies].astype(np.int64)
    order = np.lexsort((event, duration))
    columns = pd.Series(duration[order]), pd.Series(event[order]), pd.Series(np.ones(len(order)))
    values = SemiParametricPHFitter()._get_efron_values_batch(
        pd.DataFrame(x[copies][order]), *columns, None, beta
    )
    curvature, slope, likelihood = values
    return beta + np.linalg.solve(-curvature, slope), float(likelihood)


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
