"""Hazard ratios."""

from schemas import columns as c
from schemas.columns import integer
from schemas.table import table

MODEL = table(
    "result.cox_term",
    "One row per endpoint, origin, model and term.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.cox_model,
        c.term,
        c.reference_level,
        integer("n_level", "Patients with the level of the term; NULL for a continuous covariate"),
        integer("n_event_level", "Events among them"),
        *c.hazard_estimate,
        c.cox_method,
        c.status,
        c.note,
    ],
)
