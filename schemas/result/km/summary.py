"""Medians."""

from schemas import columns as c
from schemas.columns import real
from schemas.table import table

MODEL = table(
    "result.km_summary",
    "One row per endpoint, origin and stratum.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.stratum_variable,
        c.stratum,
        c.n,
        c.n_event,
        real("median_months", "Median time; NULL when not reached", "months"),
        real("median_ci_lower", "Lower end of its 95 % confidence interval", "months"),
        real("median_ci_upper", "Upper end; NULL when not reached", "months"),
    ],
)
