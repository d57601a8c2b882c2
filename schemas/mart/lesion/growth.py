"""Size at detection against the interval since the last negative CT."""

from schemas import columns as c
from schemas import study
from schemas.columns import boolean, elapsed, real, text
from schemas.table import table

MODEL = table(
    "mart.lesion_growth",
    "One row per index lesion of the cohort.",
    key=["lesion_id"],
    columns=[
        c.lesion_id,
        c.patient_id.required(),
        study.LESION_SITE.column,
        text(
            "negative_ct_basis",
            "exam: a negative examination is on record; stated: date given with the lesion",
        ),
        elapsed(
            "days_since_negative_ct", "Days from the last negative CT of the region to detection", "days"
        ),
        elapsed("months_since_negative_ct", "The same in months of 30.4375 days", "months"),
        boolean("is_within_6_months", "Detected within six calendar months of the last negative CT"),
        real("diameter_mm", "Long axis at detection", "mm", minimum=0),
        boolean("is_included", "Used by the growth models", is_required=True),
        text("exclusion_reason", "Why the lesion is not used"),
    ],
)
