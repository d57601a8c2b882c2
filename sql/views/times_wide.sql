/*
grain = "One row per analysed patient and origin; days and event of every endpoint side by side."
inputs = ["mart.survival_time"]
*/
SELECT
    patient_id,
    origin,
    max(duration_days) FILTER (endpoint = 'os') AS os_days,
    max(event) FILTER (endpoint = 'os') AS os_event,
    max(duration_days) FILTER (endpoint = 'lrfs') AS lrfs_days,
    max(event) FILTER (endpoint = 'lrfs') AS lrfs_event,
    max(duration_days) FILTER (endpoint = 'local_control') AS local_control_days,
    max(event) FILTER (endpoint = 'local_control') AS local_control_event,
    max(duration_days) FILTER (endpoint = 'pfs') AS pfs_days,
    max(event) FILTER (endpoint = 'pfs') AS pfs_event,
    max(duration_days) FILTER (endpoint = 'new_oligomet') AS new_oligomet_days,
    max(event) FILTER (endpoint = 'new_oligomet') AS new_oligomet_event
FROM mart.survival_time
WHERE origin <> 'primary_dx'
GROUP BY patient_id, origin
ORDER BY patient_id, origin
