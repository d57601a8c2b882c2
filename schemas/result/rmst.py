"""Restricted mean survival time."""

from schemas import columns as c
from schemas.columns import real
from schemas.table import table

MODEL = table(
    "result.rmst",
    "One row per endpoint, origin and stratum.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.stratum_variable,
        c.stratum,
        c.n,
        c.n_event,
        real("tau_months", "Horizon", "months"),
        real("estimate_months", "Restricted mean survival time", "months"),
        real("standard_error", "Standard error (Greenwood)", "months"),
        real(
            "degrees_of_freedom",
            "Of the t distribution behind the limits, which are wider than 1.96 standard errors",
        ),
        c.ci_lower,
        c.ci_upper,
        c.status,
        c.note,
    ],
)
