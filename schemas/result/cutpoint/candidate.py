"""Every cutpoint that a search looked at."""

from schemas import columns as c
from schemas.columns import integer, real
from schemas.table import table

MODEL = table(
    "result.cutpoint_candidate",
    "One row per endpoint, origin, variable and candidate.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.variable,
        real("cutpoint", "Largest value of the lower group"),
        integer("n_at_or_below", "Patients at or below it"),
        real("statistic", "Absolute standardised log-rank statistic"),
    ],
)
