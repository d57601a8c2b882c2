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
        c.coefficient,
        c.coefficient_standard_error,
        c.hazard_ratio,
        c.ci_lower,
        c.ci_upper,
        c.p_value,
        c.term_p_value_method,
        c.cox_method,
        c.n,
        c.n_event.described("Events of the cause"),
        c.status,
        c.note,
    ],
)
