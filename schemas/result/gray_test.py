"""Gray's test: is the incidence of a cause equal in groups."""

from schemas import columns as c
from schemas.columns import integer, real, text
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
        c.chi_square,
        integer("degrees_of_freedom", "Groups less one"),
        c.p_value,
        text(
            "p_value_method",
            "chi-square; where a group expects fewer than 5 events: exact permutation, or 10000 permutations",
        ),
        real("asymptotic_p_value", "p value of the chi-square", minimum=0, maximum=1),
        real("permutation_p_value", "p value over the permutations of the groups", minimum=0, maximum=1),
        real("least_expected", "Fewest events that a group expects", minimum=0),
        c.n,
        c.n_event.described("Events of the cause"),
        c.n_missing,
        c.status,
        c.note,
    ],
)
