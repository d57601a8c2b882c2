"""Weighted and stratified log-rank tests, beside the plain ones."""

from schemas import columns as c
from schemas.columns import text
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
        *c.comparison,
        c.n,
        c.n_event,
        c.n_missing,
        c.status,
        c.note,
    ],
)
