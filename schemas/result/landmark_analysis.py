"""Survival of those still watched at a landmark, grouped by what was known then."""

from schemas import columns as c
from schemas.columns import integer, real
from schemas.table import table

MODEL = table(
    "result.landmark_analysis",
    "One row per landmark and stratum.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.stratum_variable.described(
            "Variable that forms the strata; had_recurred: a recurrence up to the landmark"
        ),
        c.stratum,
        real("landmark_months", "Landmark after the origin", "months"),
        real("horizon_months", "Time after the landmark", "months"),
        integer("n_before", "Patients at the origin"),
        integer("n_left_with_event", "Of these, with the event up to the landmark"),
        integer("n_left_censored", "Of these, censored up to the landmark"),
        c.n.described("Patients still watched at the landmark"),
        c.n_event.described("Events after the landmark"),
        c.n_at_risk.described("Patients still watched at the horizon"),
        real("survival", "Survival from the landmark to the horizon"),
        c.ci_lower,
        c.ci_upper,
        real("logrank_p_value", "Two-sided log-rank p value of the groups, from the landmark on"),
        c.status,
        c.note,
    ],
)
