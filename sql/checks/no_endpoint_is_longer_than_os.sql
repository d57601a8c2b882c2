/*
sentence = "No patient's time of an endpoint is longer than her overall survival (G02)"
inputs = ["mart.survival_time"]
*/
SELECT
    count(*) FILTER (endpoint.duration_days > os.duration_days) AS n_violated,
    count(*) AS n_denominator
FROM mart.survival_time AS endpoint
INNER JOIN mart.survival_time AS os
    ON os.patient_id = endpoint.patient_id AND os.origin = endpoint.origin AND os.endpoint = 'os'
WHERE endpoint.endpoint <> 'os'
