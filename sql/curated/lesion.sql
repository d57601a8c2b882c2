/*
grain = "One row per metastatic lesion of an episode."
inputs = ["screened.lesion"]
parameters = []
*/
SELECT
    lesion_id,
    episode_id,
    patient_id,
    facility_id,
    lesion_site,
    lesion_site_text,
    icd10_secondary_code,
    laterality,
    is_node,
    detection_date, detection_date_precision, detection_date_lower, detection_date_upper, detection_date_reason,
    is_biopsied,
    is_treated,
    not_treated_reason,
    last_negative_date, last_negative_date_precision, last_negative_date_lower, last_negative_date_upper,
    lesion_status
FROM screened.lesion
