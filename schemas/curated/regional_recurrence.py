"""Recurrence in the pelvis or the para-aortic nodes."""

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, partial_date, text
from schemas.table import table

MODEL = table(
    "curated.regional_recurrence",
    "One row per regional recurrence of a patient.",
    key=["regional_recurrence_id"],
    columns=[
        text("regional_recurrence_id", "Regional recurrence within the registry", is_identifying=True),
        c.patient_id.required().pointing_to("curated.patient"),
        c.facility_id.required(),
        c.source_record_id,
        coded("regional_site", codes.REGIONAL_SITE, "Where the recurrence lies", is_required=True),
        *partial_date("dx", "Date of diagnosis of the recurrence", is_required=True),
        boolean("is_treated", "The recurrence was treated with the oligometastases"),
        text("treatment_text", "Treatment in the facility's words", is_free_text=True),
    ],
    rules=[],
)
