"""Times to every endpoint from every origin."""

from schemas import columns as c
from schemas import study
from schemas.columns import coded, elapsed, integer, text
from schemas.table import table

MODEL = table(
    "mart.survival_time",
    "One row per patient, endpoint and origin. Origin primary_dx covers the whole registry, the others the cohort.",
    key=["patient_id", "endpoint", "origin"],
    columns=[
        c.patient_id,
        coded("endpoint", study.ENDPOINT_CODES, "Endpoint"),
        coded("origin", study.ORIGIN_CODES, "Time origin"),
        elapsed(
            "duration_days", "Days from the origin to the event or to censoring", "days", is_required=True
        ),
        integer("event", "0 censored, 1 event, 2 competing event", is_required=True, minimum=0, maximum=2),
        text("censor_reason", "Why the observation ended: event, competing, last_contact, last_assessment"),
    ],
    is_key_declared=False,
)
