/*
grain = "One row per treatment of a primary tumour."
inputs = ["screened.primary_treatment"]
parameters = []
*/
SELECT
    treatment_id,
    tumour_id,
    patient_id,
    facility_id,
    primary_modality,
    intent,
    start_date, start_date_precision, start_date_lower, start_date_upper,
    end_date, end_date_precision, end_date_lower, end_date_upper,
    dose_gy,
    n_fractions,
    regimen,
    outcome,
    controlled_date, controlled_date_precision, controlled_date_lower, controlled_date_upper
FROM screened.primary_treatment
