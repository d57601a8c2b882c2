"""Probability of being in each state of the course."""

from schemas import columns as c
from schemas.columns import count, real, text
from schemas.table import table

MODEL = table(
    "result.state_occupation",
    "One row per stratum, state and time since the start of local therapy (Aalen-Johansen).",
    key=[],
    columns=[
        c.stratum_variable,
        c.stratum,
        text("state", "State of the course"),
        real("landmark_months", "Months since the start of local therapy", "months", minimum=0),
        count("n_patients", "Patients"),
        count("n_in_state", "Patients seen in the state at the time"),
        real("probability", "Probability of being in the state", minimum=0, maximum=1),
        real("standard_error", "Standard error, by patient", minimum=0),
        c.ci_lower,
        c.ci_upper,
        c.status,
        c.note,
    ],
)
