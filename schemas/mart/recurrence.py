"""First recurrence of each kind after locoregional therapy."""

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, elapsed
from schemas.table import table

MODEL = table(
    "mart.recurrence",
    "One row per cohort patient and kind of first recurrence.",
    key=["patient_id", "event_type"],
    columns=[
        c.patient_id,
        coded("event_type", codes.EVENT_TYPE, "Kind of event"),
        elapsed(
            "days_since_lrt",
            "Days from the start of locoregional therapy to the event",
            "days",
            is_required=True,
        ),
        boolean("is_first", "No other recurrence came earlier", is_required=True),
    ],
)
