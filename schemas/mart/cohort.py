"""The study cohort."""

from schemas import columns as c
from schemas import study
from schemas.table import table

MODEL = table(
    "mart.cohort",
    "One row per analysed patient, at the index episode.",
    key=["patient_id"],
    columns=[
        c.patient_id,
        study.FACILITY.column,
        c.episode_id.required(),
        *(variable.column for variable in study.OF_COHORT),
        c.Column("primary_dx_date", "date", "Diagnosis of the primary tumour"),
        c.Column("omd_dx_date", "date", "Diagnosis of the index episode"),
        c.Column("lrt_start_date", "date", "First day of locoregional therapy of the index episode"),
    ],
)
