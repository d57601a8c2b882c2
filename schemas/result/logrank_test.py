"""Log-rank tests."""

from schemas import columns as c
from schemas.columns import boolean, count, integer, real, text
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
        text(
            "p_value_method",
            "chi-square; where a group expects fewer than 5 events: exact permutation, or 10000 permutations",
        ),
        real("asymptotic_p_value", "p value of the chi-square", minimum=0, maximum=1),
        real("permutation_p_value", "p value over the permutations of the groups", minimum=0, maximum=1),
        real("least_expected", "Fewest events that a group expects", minimum=0),
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
