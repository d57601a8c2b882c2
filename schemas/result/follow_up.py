"""How long the cohort was followed."""

from schemas import columns as c
from schemas.columns import real, text
from schemas.table import table

MODEL = table(
    "result.follow_up",
    "One row per definition.",
    key=[],
    columns=[
        text("definition", "reverse_km or observed"),
        real("median_months", "Median", "months"),
        c.ci_lower,
        c.ci_upper,
        real("min_months", "Shortest observation", "months"),
        real("max_months", "Longest observation", "months"),
        c.n,
    ],
)
