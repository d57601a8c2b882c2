"""Missing values of the cohort, variable by variable."""

from schemas import columns as c
from schemas.columns import integer, real
from schemas.table import table

MODEL = table(
    "result.missing_data",
    "One row per variable.",
    key=[],
    columns=[
        c.variable,
        c.n.described("Patients of the cohort"),
        integer("n_missing", "Patients in whom it is missing"),
        real("share_missing", "n_missing / n"),
        c.status,
        c.note,
    ],
)
