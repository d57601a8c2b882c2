"""Subdistribution hazard ratios: the incidence of a cause, others competing."""

from schemas import columns as c
from schemas.columns import text
from schemas.table import table

MODEL = table(
    "result.fine_gray",
    "One row per endpoint, origin, cause, model and term (Fine and Gray 1999).",
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
        c.hazard_ratio.described("Ratio of subdistribution hazards"),
        c.ci_lower,
        c.ci_upper,
        c.p_value,
        c.term_p_value_method,
        text("method", "fine-gray"),
        c.n,
        c.n_event.described("Events of the cause"),
        c.status,
        c.note,
    ],
)
