"""What recurs, by group of the cohort."""

from schemas import columns as c
from schemas.columns import integer, real, text
from schemas.table import table

MODEL = table(
    "result.recurrence_by_group",
    "One row per stratum, way of counting and kind of recurrence.",
    key=[],
    columns=[
        c.stratum_variable,
        c.stratum,
        text(
            "counting",
            "first_overall: by the first recurrence; first_of_type: every kind that a patient ever had",
        ),
        text("pattern", "Kind of recurrence"),
        integer("n_patients", "Patients of the stratum"),
        c.n_event.described("Patients with it"),
        real("share", "n_event / n_patients"),
        c.ci_lower,
        c.ci_upper,
        real(
            "median_months_observed",
            "Median of the observed times among those with it; not a median time to event",
            "months",
        ),
        real("min_months", "Shortest observed time", "months"),
        real("max_months", "Longest observed time", "months"),
        c.status,
        c.note,
    ],
)
