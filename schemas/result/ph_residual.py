"""A coefficient over time: scaled Schoenfeld residuals and their smooth."""

from schemas import columns as c
from schemas.columns import integer, real, text
from schemas.table import table

MODEL = table(
    "result.ph_residual",
    "One row per endpoint, origin, model, term, kind and time.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.cox_model,
        c.term,
        text("kind", "residual: one per event; smooth: restricted cubic spline through them"),
        integer("duration_days", "Time of the event", "days"),
        real("coefficient", "Log hazard ratio at the time"),
        c.ci_lower,
        c.ci_upper,
        c.status,
        c.note,
    ],
)
