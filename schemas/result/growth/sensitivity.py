"""The interval to the cutpoint under other choices."""

from schemas import columns as c
from schemas.columns import boolean, real, text
from schemas.table import table

MODEL = table(
    "result.growth_sensitivity",
    "One row per variant and reading.",
    key=[],
    columns=[
        text("variant", "What was chosen otherwise"),
        text("reading", "Whose estimate: plain regression or interval-censored onset"),
        c.growth_model,
        c.error_model,
        text("estimand", "What the months are counted from and to"),
        c.n_lesions,
        c.n_patients,
        real("threshold_mm", "Diameter reached", "mm"),
        real("months", "Months to it", "months"),
        c.ci_lower,
        c.ci_upper,
        text("ci_method", "Kind of interval"),
        boolean("is_extrapolated", "The months lie outside the intervals of the lesions used"),
        real("change_months", "Less the reported reading, where the two can be compared", "months"),
        c.status,
        c.note,
    ],
)
