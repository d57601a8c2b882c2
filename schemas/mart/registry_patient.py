"""Every patient of the registry, ready for description."""

from schemas import columns as c
from schemas import study
from schemas.columns import elapsed, text
from schemas.table import table

MODEL = table(
    "mart.registry_patient",
    "One row per curated patient, in the study or not.",
    key=["patient_id"],
    columns=[
        c.patient_id,
        study.FACILITY.column,
        *(variable.column for variable in (*study.OF_PRIMARY, study.DX_YEAR, study.IS_DEAD)),
        elapsed(
            "last_known_days", "From diagnosis of the primary to death or the last evidence of life", "days"
        ),
        text("exclusion_reason", "Why there is no survival time from diagnosis, where there is none"),
        study.IS_IN_COHORT.column,
    ],
)
