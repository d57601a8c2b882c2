"""Cause-specific hazard ratios: the rate among those still free of any event."""

from schemas import columns as c
from schemas.table import table

MODEL = table(
    "result.cause_specific_cox",
    "One row per endpoint, origin, cause, model and term.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.cause,
        c.cox_model,
        c.term,
        c.reference_level,
        *c.hazard_estimate,
        c.cox_method,
        c.n,
        c.n_event.described("Events of the cause"),
        c.status,
        c.note,
    ],
)
