"""Whether a continuous variable matters, and whether a straight line would do."""

from schemas import columns as c
from schemas.columns import integer, real, text
from schemas.table import table

MODEL = table(
    "result.cox_spline_test",
    "One row per endpoint, origin, variable and test.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.variable,
        text(
            "test",
            "overall: the variable as a whole; nonlinearity: against a straight line; likelihood ratio",
        ),
        real("chi_square", "Likelihood-ratio statistic"),
        integer("degrees_of_freedom", "Degrees of freedom"),
        c.p_value,
        text("knots", "Knots of the spline, in the unit of the variable"),
        c.n,
        c.n_event,
        c.n_missing,
        c.status,
        c.note,
    ],
)
