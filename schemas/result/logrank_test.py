"""Log-rank tests."""

from schemas import columns as c
from schemas.columns import integer, real
from schemas.table import table

MODEL = table(
    "result.logrank_test",
    "One row per endpoint, origin and stratum variable.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.stratum_variable,
        real("chi_square", "Test statistic"),
        integer("degrees_of_freedom", "Strata less one"),
        c.p_value,
        c.n,
        c.n_event,
        c.status,
        c.note,
    ],
)
