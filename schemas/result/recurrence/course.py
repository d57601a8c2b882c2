"""What happened to patients one after the other."""

from schemas import columns as c
from schemas.columns import integer, real, text
from schemas.table import table

MODEL = table(
    "result.recurrence_course",
    "One row per course that occurs, the most frequent first.",
    key=[],
    columns=[
        text("course", "Kinds of recurrence in order of their first days, then death or alive"),
        c.n.described("Patients with the course"),
        integer("n_patients", "Patients of the cohort"),
        real("share", "n / n_patients"),
        real("median_days", "Median time from therapy to death or last contact", "days"),
        real("min_days", "Shortest", "days"),
        real("max_days", "Longest", "days"),
        c.status,
        c.note,
    ],
)
