"""Hazard ratio along a continuous variable, without a cutpoint."""

from schemas import columns as c
from schemas.columns import real
from schemas.table import table

MODEL = table(
    "result.cox_spline",
    "One row per endpoint, origin, variable and value: a restricted cubic spline in a Cox model.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.variable,
        real("value", "Value of the variable, in its own unit"),
        real("log_hazard_ratio", "Log hazard ratio against the reference value"),
        real("hazard_ratio", "Hazard ratio against the reference value"),
        c.ci_lower,
        c.ci_upper,
        real("reference_value", "Value with hazard ratio 1, the median"),
    ],
)
