"""The one episode that the study would analyse."""

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, count, real
from schemas.table import table

MODEL = table(
    "mart.index_episode",
    "One row per patient with exactly one index episode, in the study or not.",
    key=["patient_id"],
    columns=[
        c.patient_id,
        c.facility_id.required(),
        c.episode_id.required(),
        c.Column("omd_dx_date", "date", "Diagnosis of the index episode", is_required=True),
        count("n_lesions", "Index lesions, regional ones not counted", is_required=True),
        boolean("has_intracranial", "An intracranial lesion belongs to the episode", is_required=True),
        c.Column("lrt_start_date", "date", "First day of definitive radiotherapy, surgery or ablation"),
        coded("lrt_modality", codes.LRT_MODALITY, "Modality of the first definitive course"),
        real(
            "bed10_gy",
            "Largest biologically effective dose of the definitive courses, recomputed",
            "Gy",
            minimum=0,
        ),
    ],
)
