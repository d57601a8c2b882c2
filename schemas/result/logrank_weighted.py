"""Weighted and stratified log-rank tests, beside the plain ones."""

from schemas import columns as c
from schemas.columns import integer, real, text
from schemas.table import table

MODEL = table(
    "result.logrank_weighted",
    "One row per endpoint, origin, stratum variable, weighting and stratification.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.stratum_variable,
        text("weighting", "logrank; peto: early differences; fleming-harrington(0, 1): late ones"),
        text("strata", "Variable within whose levels groups are compared; NULL: none"),
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
        c.n_event,
        c.n_missing,
        c.status,
        c.note,
    ],
)
