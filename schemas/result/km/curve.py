"""Kaplan-Meier curves."""

from schemas import columns as c
from schemas.columns import integer, real
from schemas.table import table

MODEL = table(
    "result.km_curve",
    "One row per endpoint, origin, stratum and distinct time.",
    key=["endpoint", "origin", "stratum_variable", "stratum", "duration_days"],
    columns=[
        c.endpoint,
        c.origin,
        c.stratum_variable,
        c.stratum,
        integer("duration_days", "Days since the origin", "days"),
        c.n_at_risk,
        c.n_event.described("Events at the time"),
        integer("n_censored", "Censored at the time, after the events"),
        real("survival", "Kaplan-Meier estimate"),
        c.ci_lower,
        c.ci_upper,
    ],
    is_key_declared=False,
)
