"""What recurs where."""

from schemas import columns as c
from schemas.columns import integer, real, text
from schemas.table import table

MODEL = table(
    "result.recurrence_pattern",
    "One row per kind of recurrence.",
    key=[],
    columns=[
        text("pattern", "Kind of first event"),
        integer("n_patients", "Patients in the cohort"),
        c.n_event.described("Patients with the event"),
        real("share", "n_event / n_patients"),
        c.ci_lower,
        c.ci_upper,
        real(
            "median_months_observed",
            "Median of the observed times among those with the event; not a median time to event",
            "months",
        ),
        real("min_months", "Shortest observed time", "months"),
        real("max_months", "Longest observed time", "months"),
    ],
)
