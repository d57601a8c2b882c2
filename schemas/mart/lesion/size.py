"""Sizes of a lesion before therapy, in order of time."""

from schemas import columns as c
from schemas.columns import elapsed, real
from schemas.table import table

MODEL = table(
    "mart.lesion_size",
    "One row per index lesion of the cohort and day before therapy on which it was measured.",
    key=["lesion_id", "days"],
    columns=[
        c.lesion_id,
        c.patient_id.required(),
        elapsed("days", "Days since the lesion's first measurement", "days"),
        elapsed("months", "The same in months of 30.4375 days", "months"),
        real("diameter_mm", "Diameter, by the study's axis", "mm", minimum=0, is_required=True),
    ],
)
