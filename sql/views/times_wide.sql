/*
grain = "One row per analysed patient and origin; days and event of every endpoint side by side."
inputs = ["mart.survival_time"]
[columns]
os_days = "Days of overall survival from the origin."
os_event = "Event of overall survival: 0 censored, 1 the event."
lrfs_days = "Days of local recurrence-free survival from the origin."
lrfs_event = "Event of local recurrence-free survival: 0 censored, 1 the event."
local_control_days = "Days of local control from the origin."
local_control_event = "Event of local control: 0 censored, 1 the event, 2 what competes with it."
pfs_days = "Days of progression-free survival from the origin."
pfs_event = "Event of progression-free survival: 0 censored, 1 the event."
new_oligomet_days = "Days of freedom from new oligometastasis from the origin."
new_oligomet_event = "Event of freedom from new oligometastasis: 0 censored, 1 the event, 2 what competes with it."
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
