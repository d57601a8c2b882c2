"""Hazard ratios."""

from schemas import columns as c
from schemas.columns import real, text
from schemas.table import table

MODEL = table(
    "result.cox_term",
    "One row per endpoint, origin, model and term.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        text("model", "univariable:VARIABLE or multivariable"),
        text("term", "Covariate, with its level in brackets"),
        text("reference_level", "Level that the term is compared with, for categories"),
        real("coefficient", "Log hazard ratio"),
        real("standard_error", "Standard error of the coefficient"),
        real("hazard_ratio", "exp(coefficient)"),
        c.ci_lower,
        c.ci_upper,
        c.p_value,
        text("method", "efron or firth"),
        c.status,
        c.note,
    ],
)
