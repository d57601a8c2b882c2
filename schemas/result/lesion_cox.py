"""Hazard ratios of recurrence per lesion, patients as clusters."""

from schemas import columns as c
from schemas.columns import integer, real, text
from schemas.table import table

MODEL = table(
    "result.lesion_cox",
    "One row per model and term; deaths are censored.",
    key=[],
    columns=[
        text("model", "univariable:VARIABLE or multivariable"),
        text("term", "Covariate, with its level in brackets"),
        real("coefficient", "Log hazard ratio"),
        real("standard_error", "Standard error of the coefficient"),
        real("hazard_ratio", "exp(coefficient)"),
        c.ci_lower,
        c.ci_upper,
        c.p_value,
        text("method", "efron with robust standard errors, or firth without"),
        c.n.described("Treated lesions"),
        c.n_event.described("Lesions that recurred"),
        integer("n_cluster", "Patients whose lesions they are"),
        c.status,
        c.note,
    ],
)
