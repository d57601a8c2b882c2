"""Gray's test: is the incidence of a cause equal in groups."""

from schemas import columns as c
from schemas.table import table

MODEL = table(
    "result.gray_test",
    "One row per endpoint, origin, stratum variable and cause.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.stratum_variable,
        c.cause,
        *c.comparison,
        c.n,
        c.n_event.described("Events of the cause"),
        c.n_missing,
        c.status,
        c.note,
    ],
)
