/*
grain = "One row per course of radiotherapy, operation or ablation of metastases."
inputs = ["screened.lrt_course"]
parameters = []
*/
SELECT
    lrt_id,
    episode_id,
    patient_id,
    facility_id,
    lrt_modality,
    lrt_technique,
    intent,
    start_date, start_date_precision, start_date_lower, start_date_upper, start_date_reason,
    end_date, end_date_precision, end_date_lower, end_date_upper,
    n_fractions_planned,
    n_fractions_delivered,
    dose_per_fraction_gy,
    total_dose_gy,
    bed10_gy,
    eqd2_gy,
    margin,
    is_reirradiation,
    termination_reason,
    plan_name
FROM screened.lrt_course
