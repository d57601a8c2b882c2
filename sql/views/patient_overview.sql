/*
grain = "One row per analysed patient with overall survival from the start of therapy. Analysts open this first."
inputs = ["mart.cohort", "mart.survival_time"]
[columns]
os_days = "Days from the start of locoregional therapy to death or the last evidence of life."
os_event = "1: died; 0: alive when last known."
*/
SELECT
    cohort.*,
    survival_time.duration_days AS os_days,
    survival_time.event AS os_event
FROM mart.cohort
LEFT JOIN mart.survival_time
    ON survival_time.patient_id = cohort.patient_id
    AND survival_time.endpoint = 'os'
    AND survival_time.origin = 'lrt_start'
ORDER BY cohort.patient_id
