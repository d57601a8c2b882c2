"""Proportional hazards, term by term."""

from schemas import columns as c
from schemas.columns import integer, real, text
from schemas.table import table

MODEL = table(
    "result.ph_test",
    "One row per endpoint, origin, model, transform and term.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.cox_model,
        text("transform", "Transform of time: km, rank, identity"),
        text("term", "Covariate, or GLOBAL"),
        real("chi_square", "Score test statistic"),
        integer("degrees_of_freedom", "Degrees of freedom"),
        c.p_value,
    ],
)
