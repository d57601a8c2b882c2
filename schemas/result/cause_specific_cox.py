"""Cause-specific hazard ratios: the rate among those still free of any event."""

from schemas import columns as c
from schemas.columns import integer, real, text
from schemas.table import table

MODEL = table(
    "result.cause_specific_cox",
    "One row per endpoint, origin, cause, model and term.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        integer("cause", "1 the event, 2 what competes with it"),
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
        c.n,
        c.n_event.described("Events of the cause"),
        c.status,
        c.note,
    ],
)
