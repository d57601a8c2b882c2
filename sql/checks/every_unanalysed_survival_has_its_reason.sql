/*
sentence = "Every patient has a survival time from diagnosis of the primary tumour or a reason for having none"
inputs = ["mart.registry_patient", "mart.survival_time"]
*/
SELECT
    count(*) FILTER (
        (registry_patient.exclusion_reason IS NULL) IS DISTINCT FROM (survival_time.patient_id IS NOT NULL)
    ) AS n_violated,
    count(*) AS n_denominator
FROM mart.registry_patient
LEFT JOIN mart.survival_time
    ON survival_time.patient_id = registry_patient.patient_id AND survival_time.origin = 'primary_dx'
