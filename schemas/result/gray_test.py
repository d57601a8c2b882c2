"""Gray's test: is the incidence of a cause equal in groups."""

from schemas import columns as c
from schemas.columns import integer, real
from schemas.table import table

MODEL = table(
    "result.gray_test",
    "One row per endpoint, origin, stratum variable and cause.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.stratum_variable,
        integer("cause", "1 the event, 2 what competes with it"),
        real("chi_square", "Test statistic"),
        integer("degrees_of_freedom", "Groups less one"),
        c.p_value,
        c.n,
        c.n_event.described("Events of the cause"),
        integer("n_missing", "Patients left out because the variable is missing"),
        c.status,
        c.note,
    ],
)
