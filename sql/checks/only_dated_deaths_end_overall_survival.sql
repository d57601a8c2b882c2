/*
sentence = "Overall survival ends by death for exactly the patients whose death is on record"
inputs = ["mart.survival_time", "mart.vital_status"]
*/
SELECT
    count(*) FILTER ((survival_time.event = 1) IS DISTINCT FROM vital_status.is_dead) AS n_violated,
    count(*) AS n_denominator
FROM mart.survival_time
LEFT JOIN mart.vital_status USING (patient_id)
WHERE survival_time.endpoint = 'os'
