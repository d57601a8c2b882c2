"""Log-rank tests."""

from schemas import columns as c
from schemas.columns import integer
from schemas.table import table

MODEL = table(
    "result.logrank_test",
    "One row per endpoint, origin and stratum variable.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.stratum_variable,
        c.chi_square,
        integer("degrees_of_freedom", "Strata less one"),
        c.p_value,
        c.n,
        c.n_event,
        c.status,
        c.note,
    ],
)
