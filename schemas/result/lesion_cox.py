"""Hazard ratios of recurrence per lesion, patients as clusters."""

from schemas import columns as c
from schemas.columns import text
from schemas.table import table

MODEL = table(
    "result.lesion_cox",
    "One row per model and term; deaths are censored.",
    key=[],
    columns=[
        c.cox_model,
        c.term,
        *c.hazard_estimate,
        text("method", "efron with robust standard errors, or firth without"),
        c.n.described("Treated lesions"),
        c.n_event.described("Lesions that recurred"),
        c.n_cluster,
        c.status,
        c.note,
    ],
)
