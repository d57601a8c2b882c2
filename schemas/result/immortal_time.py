"""What the time before therapy does to survival from diagnosis."""

from schemas import columns as c
from schemas.columns import real, text
from schemas.table import table

MODEL = table(
    "result.immortal_time",
    "One row per stratum, reading and time.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.stratum_variable,
        c.stratum,
        text("reading", "counted as at risk: from the origin; left truncated: at risk from therapy on"),
        real("landmark_months", "Time", "months"),
        c.n,
        c.n_at_risk,
        real("survival", "Survival"),
        c.ci_lower,
        c.ci_upper,
        real("immortal_days", "Days before therapy, summed over the stratum", "days"),
        c.status,
        c.note,
    ],
)
