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
        other, other_likelihood = _lifelines(data, x, beta if data.n > MANY_ROWS else None)
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


def _lifelines(data: CoxData, x: Floats, start: Floats | None) -> tuple[Floats, float]:
    """Fit with lifelines, without a word on any stream.

    start: where many rows would take minutes from zero, it begins at our solution and walks to its own
    maximum (the likelihood has only one), a death time at a time instead of a row at a time.
    """
    copies = np.repeat(np.arange(len(data.row)), data.count.astype(np.int64))
    names = [f"x{j}" for j in range(x.shape[1])]
    frame = pd.DataFrame(x[copies], columns=names)
    frame["duration"] = data.times.duration[copies]
    frame["event"] = data.times.event[copies]
    options: dict[str, object] = {}
    if start is not None:
        # lifelines divides by its own standard deviations first, and writes into what it is given
        options["initial_point"] = start * frame[names].std().to_numpy()
        options["batch_mode"] = None if data.times.entry is not None else True
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
