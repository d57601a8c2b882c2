"""Every patient of the registry, ready for description."""

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, elapsed, integer, text
from schemas.table import table

MODEL = table(
    "mart.registry_patient",
    "One row per curated patient, in the study or not.",
    key=["patient_id"],
    columns=[
        c.patient_id,
        c.facility_id.required(),
        elapsed(
            "age_years",
            "Age at diagnosis of the primary tumour",
            "years",
            is_signed=True,
            is_quasi_identifier=True,
        ),
        text("age_group", "Age at diagnosis: <50, 50-64, 65+", is_quasi_identifier=True),
        coded("figo_stage", codes.FIGO_STAGE, "FIGO stage as recorded"),
        coded("figo_group", codes.FIGO_GROUP, "FIGO stage I to IV"),
        coded("histology_group", codes.HISTOLOGY_GROUP, "Histology, grouped"),
        integer(
            "dx_year",
            "Calendar year of diagnosis of the primary tumour",
            "years",
            minimum=1900,
            maximum=2100,
            is_quasi_identifier=True,
        ),
        boolean("is_dead", "A death is on record"),
        elapsed(
            "last_known_days", "From diagnosis of the primary to death or the last evidence of life", "days"
        ),
        text("exclusion_reason", "Why there is no survival time from diagnosis, where there is none"),
        boolean("is_in_cohort", "Analysed in the study"),
    ],
)
