"""Log-rank tests."""

from schemas import columns as c
from schemas.columns import boolean, count, real
from schemas.table import table

MODEL = table(
    "result.logrank_test",
    "One row per endpoint, origin and stratum variable.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.stratum_variable,
        *c.comparison,
        boolean("is_primary", "The primary comparison of the endpoint; the others are exploratory"),
        count("n_exploratory", "Exploratory comparisons of the endpoint and origin"),
        real(
            "adjusted_p_value",
            "Of an exploratory comparison: adjusted for the false discovery rate among them",
            minimum=0,
            maximum=1,
        ),
        c.n,
        c.n_event,
        c.status,
        c.note,
    ],
)
