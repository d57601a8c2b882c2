"""Which variables are missing together."""

from schemas import columns as c
from schemas.columns import boolean, integer, real, text
from schemas.table import table

MODEL = table(
    "result.missing_pattern",
    "One row per pattern that occurs, the most frequent first.",
    key=[],
    columns=[
        integer("pattern", "Order of the pattern, from 1"),
        c.n.described("Patients with the pattern"),
        real("share", "n / patients of the cohort"),
        integer("n_missing_variables", "Variables missing together"),
        text("missing_variables", "Their names; empty: nothing is missing"),
        boolean("is_complete", "Nothing is missing"),
        c.status,
        c.note,
    ],
)
