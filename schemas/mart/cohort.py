"""The study cohort."""

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, count, elapsed, real, text
from schemas.table import table

MODEL = table(
    "mart.cohort",
    "One row per analysed patient, at the index episode.",
    key=["patient_id"],
    columns=[
        c.patient_id,
        c.facility_id.required(),
        c.episode_id.required(),
        coded(
            "lesion_site_group", codes.LESION_SITE_GROUP, "Site group of the index lesions", is_required=True
        ),
        text("scf_vs_other", "scf or non_scf"),
        count("n_lesions", "Index lesions", is_required=True),
        real("max_diameter_mm", "Largest long axis over the index lesions at detection", "mm", minimum=0),
        real(
            "sum_diameter_mm", "Sum over the index lesions, where all of them were measured", "mm", minimum=0
        ),
        count("n_lesions_measured", "Index lesions with a size at detection", is_required=True),
        boolean("is_small", "max_diameter_mm is at most the cutpoint"),
        text("size_group", "small (at most the cutpoint) or large"),
        elapsed(
            "age_years",
            "Age at diagnosis of the primary tumour",
            "years",
            is_signed=True,
            is_quasi_identifier=True,
        ),
        text("age_group", "Age at diagnosis: <50, 50-64, 65+", is_quasi_identifier=True),
        coded("figo_stage", codes.FIGO_STAGE, "FIGO stage of the primary as recorded"),
        coded("figo_group", codes.FIGO_GROUP, "FIGO stage I to IV"),
        coded("histology_group", codes.HISTOLOGY_GROUP, "Histology, grouped"),
        coded("lrt_modality", codes.LRT_MODALITY, "Modality of the first index course", is_required=True),
        elapsed(
            "months_primary_to_omd",
            "From diagnosis of the primary to diagnosis of the episode",
            "months",
            is_signed=True,
        ),
        boolean("has_concurrent_regional", "Pelvic or para-aortic recurrence treated at the same time"),
        coded("omd_class", codes.OMD_CLASS, "ESTRO-EORTC class, recomputed"),
        real(
            "bed10_gy",
            "Largest biologically effective dose of the index courses, recomputed",
            "Gy",
            minimum=0,
        ),
        c.Column("primary_dx_date", "date", "Diagnosis of the primary tumour"),
        c.Column("omd_dx_date", "date", "Diagnosis of the index episode"),
        c.Column("lrt_start_date", "date", "First day of locoregional therapy of the index episode"),
    ],
)
