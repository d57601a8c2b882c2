"""Who left the study flow, and why."""

from schemas import columns as c
from schemas.columns import count, text
from schemas.table import table

MODEL = table(
    "mart.exclusion",
    "One row per patient outside the cohort, curated or quarantined, with the one primary reason.",
    key=["patient_id"],
    columns=[
        c.patient_id,
        c.facility_id.required(),
        count("step", "Step of mart.attrition at which the patient left", is_required=True),
        text("reason", "The primary reason", is_required=True),
    ],
)
