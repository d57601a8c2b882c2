"""The death of a patient."""

from schemas import codes
from schemas import columns as c
from schemas.columns import coded, partial_date
from schemas.table import table

MODEL = table(
    "curated.death",
    "One row per deceased patient.",
    key=["patient_id"],
    columns=[
        c.patient_id.pointing_to("curated.patient"),
        c.facility_id.required(),
        *partial_date("death", "Date of death", has_reason=True),
        coded("death_cause", codes.DEATH_CAUSE, "Cause of death"),
        coded("death_source", codes.DEATH_SOURCE, "Where the death was learnt from"),
    ],
    rules=[],
)
