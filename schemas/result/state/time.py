"""Expected time in each state of the course."""

from schemas import columns as c
from schemas.columns import count, real, text
from schemas.table import table

MODEL = table(
    "result.state_time",
    "One row per stratum and state: expected months in it within the horizon.",
    key=[],
    columns=[
        c.stratum_variable,
        c.stratum,
        text("state", "State of the course"),
        real("tau_months", "Horizon", "months", minimum=0),
        count("n_patients", "Patients"),
        count("n_ever", "Patients who were ever seen in the state"),
        real("mean_months", "Expected time in the state; over all states the horizon", "months", minimum=0),
        real("standard_error_months", "Standard error, by patient", "months", minimum=0),
        real("ci_lower_months", "Lower end of the 95 % confidence interval", "months", minimum=0),
        real("ci_upper_months", "Upper end of the 95 % confidence interval", "months", minimum=0),
        c.status,
        c.note,
    ],
)
