"""The cervical cancer that the metastases came from."""

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, integer, partial_date, real, text
from schemas.table import table

MODEL = table(
    "curated.primary_tumour",
    "One row per primary tumour of a patient.",
    key=["tumour_id"],
    columns=[
        c.tumour_id,
        c.patient_id.required().pointing_to("curated.patient"),
        c.facility_id.required(),
        *partial_date("dx", "Date of diagnosis of the primary tumour", is_required=True),
        integer("age_at_diagnosis_years", "Age at diagnosis as stored by the facility", "years"),
        coded("topography_code", codes.TOPOGRAPHY, "ICD-O-3 topography"),
        text("morphology_code", "ICD-O-3 morphology with behaviour, 8070/3"),
        text("morphology_text", "Histology in the facility's words", is_identifying=True),
        coded("histology_group", codes.HISTOLOGY_GROUP, "Histology, grouped"),
        coded("grade_code", codes.GRADE, "Differentiation grade"),
        coded("basis_code", codes.DIAGNOSIS_BASIS, "Most valid basis of diagnosis"),
        coded("figo_stage", codes.FIGO_STAGE, "FIGO stage as recorded"),
        coded("figo_edition", codes.FIGO_EDITION, "Edition of FIGO that the stage was given by"),
        coded("figo_method", codes.FIGO_METHOD, "Clinical, imaging or pathological stage"),
        boolean("is_restaged", "The stage was given again by a later edition"),
        real("tumour_size_mm", "Largest diameter of the primary tumour", "mm"),
        coded("pelvic_ln", codes.NODE_STATUS, "Pelvic lymph nodes"),
        coded("paraaortic_ln", codes.NODE_STATUS, "Para-aortic lymph nodes"),
        real("scc_ag_ng_ml", "Squamous cell carcinoma antigen at diagnosis", "ng/mL"),
        *partial_date("scc_ag", "Date of the squamous cell carcinoma antigen"),
        coded("lvsi", codes.PRESENCE, "Lymphovascular space invasion"),
        coded("hpv", codes.NODE_STATUS, "Human papillomavirus"),
    ],
    rules=[],
)
