"""Survival of the cohort had everybody been in each level of a variable."""

from schemas import columns as c
from schemas.columns import real, text
from schemas.table import table

MODEL = table(
    "result.prediction_standardised",
    "One row per variable, level and time: adjusted survival from the multivariable model.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        text("variable", "Variable that everybody is put into a level of"),
        text("level", "Level"),
        real("landmark_months", "Months since the origin", "months", minimum=0),
        real("survival", "Mean predicted survival over the cohort", minimum=0, maximum=1),
        real("standard_error", "Standard error", minimum=0),
        c.ci_lower,
        c.ci_upper,
        c.status,
        c.note,
    ],
)
