/*
grain = "One row per patient."
inputs = ["screened.patient"]
parameters = []
*/
SELECT
    patient_id,
    facility_id,
    source_patient_id,
    birth_date, birth_date_precision, birth_date_lower, birth_date_upper, birth_date_reason,
    sex,
    residence_region,
    has_consent
FROM screened.patient
