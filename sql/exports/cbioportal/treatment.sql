/*
grain = "one row per course of local therapy and per line of systemic therapy of an analysed patient"
inputs = ["mart.cohort", "curated.lrt_course", "curated.systemic_line"]
*/
SELECT
    patient_id, start_date - lrt_start_date AS start_date, end_date - lrt_start_date AS stop_date,
    'TREATMENT' AS event_type,
    'Local therapy' AS treatment_type, course.lrt_modality AS subtype, total_dose_gy, n_fractions_delivered AS number_of_fractions
FROM mart.cohort
INNER JOIN curated.lrt_course AS course USING (patient_id)
WHERE start_date IS NOT NULL
UNION ALL BY NAME
SELECT
    patient_id, start_date - lrt_start_date AS start_date, end_date - lrt_start_date AS stop_date,
    'TREATMENT' AS event_type, 'Systemic therapy' AS treatment_type, systemic_setting AS subtype
FROM mart.cohort
INNER JOIN curated.systemic_line USING (patient_id)
WHERE start_date IS NOT NULL
ORDER BY ALL
