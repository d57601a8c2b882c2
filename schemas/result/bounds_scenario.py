"""The readings of the records behind the bounds."""

from schemas import columns as c
from schemas.columns import integer, text
from schemas.table import table

MODEL = table(
    "result.bounds_scenario",
    "One row per reading.",
    key=[],
    columns=[
        text("scenario", "What is assumed of open questions"),
        integer("n_open", "Dates, or patients, that the question is open for"),
        integer(
            "n_patients", "Patients of the cohort under the reading; of the registry where there is no cohort"
        ),
        text("status", "ok; not_applicable: nothing is open, or it was left out"),
        c.note,
    ],
)
