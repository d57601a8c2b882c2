/*
grain = "One row per primary tumour of a patient."
inputs = ["screened.primary_tumour"]
parameters = []
*/
SELECT
    tumour_id,
    patient_id,
    facility_id,
    dx_date, dx_date_precision, dx_date_lower, dx_date_upper, dx_date_reason,
    age_at_diagnosis_years,
    topography_code,
    morphology_code,
    morphology_text,
    histology_group,
    grade_code,
    basis_code,
    figo_stage,
    figo_edition,
    figo_method,
    is_restaged,
    tumour_size_mm,
    pelvic_ln,
    paraaortic_ln,
    scc_ag_ng_ml,
    scc_ag_method,
    scc_ag_date, scc_ag_date_precision, scc_ag_date_lower, scc_ag_date_upper,
    lvsi,
    hpv
FROM screened.primary_tumour
