"""Cumulative incidence where events compete."""

from schemas import columns as c
from schemas.columns import integer, real
from schemas.table import table

MODEL = table(
    "result.cumulative_incidence",
    "One row per endpoint, origin, stratum, cause and distinct time.",
    key=["endpoint", "origin", "stratum_variable", "stratum", "cause", "duration_days"],
    columns=[
        c.endpoint,
        c.origin,
        c.stratum_variable,
        c.stratum,
        integer("cause", "1 event of interest, 2 competing event"),
        integer("duration_days", "Days since the origin", "days"),
        c.n_at_risk,
        real("incidence", "Aalen-Johansen estimate"),
        real("standard_error", "Standard error of the incidence"),
        c.ci_lower,
        c.ci_upper,
    ],
    is_key_declared=False,
)
