"""Local control lesion by lesion, patients as clusters."""

from schemas import columns as c
from schemas.columns import boolean, real, text
from schemas.table import table

MODEL = table(
    "result.lesion_local_control",
    "One row per stratum, estimator and time.",
    key=[],
    columns=[
        c.stratum_variable,
        c.stratum,
        text(
            "estimator",
            "kaplan_meier: free of recurrence, deaths censored; aalen_johansen: recurred, deaths competing",
        ),
        real("landmark_months", "Time", "months"),
        c.n.described("Treated lesions"),
        c.n_cluster,
        c.n_event.described("Lesions that recurred"),
        c.n_at_risk.described("Lesions at risk just before the time"),
        real("estimate", "Share of lesions"),
        real(
            "standard_error",
            "Standard error with patients as clusters; the limits are wider where these are few",
        ),
        real("naive_standard_error", "Standard error as if lesions were independent"),
        c.ci_lower,
        c.ci_upper,
        boolean("is_beyond_follow_up", "The time is later than the last observation"),
        c.status,
        c.note,
    ],
)
