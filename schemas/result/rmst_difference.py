"""Differences of restricted mean survival time."""

from schemas import columns as c
from schemas.columns import real
from schemas.table import table

MODEL = table(
    "result.rmst_difference",
    "One row per endpoint, origin and pair of groups.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.stratum_variable,
        c.stratum,
        c.stratum.named("reference_stratum", "Level whose mean is subtracted"),
        real("tau_months", "Horizon", "months"),
        real("estimate_months", "Difference of the means up to the horizon", "months"),
        real("standard_error", "Standard error (Greenwood)", "months"),
        real(
            "degrees_of_freedom",
            "Of the t distribution behind the limits, which are wider than 1.96 standard errors",
        ),
        c.ci_lower,
        c.ci_upper,
        c.p_value,
        c.status,
        c.note,
    ],
)
