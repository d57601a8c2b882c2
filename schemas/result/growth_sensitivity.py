"""The interval to the cutpoint under other choices."""

from schemas import columns as c
from schemas.columns import integer, real, text
from schemas.table import table

MODEL = table(
    "result.growth_sensitivity",
    "One row per variant and reading.",
    key=[],
    columns=[
        text("variant", "What was chosen otherwise"),
        text("reading", "Whose estimate: plain regression or interval-censored onset"),
        text("model", "Growth model"),
        text("error_model", "additive or log"),
        text("estimand", "What the months are counted from and to"),
        integer("n_lesions", "Lesions used"),
        integer("n_patients", "Patients whose lesions were used"),
        real("threshold_mm", "Diameter reached", "mm"),
        real("months", "Months to it", "months"),
        c.ci_lower,
        c.ci_upper,
        text("ci_method", "Kind of interval"),
        real("change_months", "Less the reported reading, where the two can be compared", "months"),
        c.status,
        c.note,
    ],
)
