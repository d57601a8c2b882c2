"""Survival at fixed times."""

from schemas import columns as c
from schemas.columns import boolean, real
from schemas.table import table

MODEL = table(
    "result.km_landmark",
    "One row per endpoint, origin, stratum and landmark.",
    key=[],
    columns=[
        c.endpoint,
        c.origin,
        c.stratum_variable,
        c.stratum,
        real("landmark_months", "Months since the origin", "months"),
        c.n,
        c.n_at_risk,
        real("survival", "Kaplan-Meier estimate at the landmark; NULL beyond follow-up"),
        c.ci_lower,
        c.ci_upper,
        boolean("is_beyond_follow_up", "The landmark is later than the last observation of the stratum"),
    ],
)
