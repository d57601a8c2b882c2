/*
table = "survival_time"
scope = "registry"
severity = "error"
items = ["duration_days"]
inputs = ["mart.survival_time", "mart.registry_patient"]
message = "A survival time is negative or missing; a time of zero days is counted and shown. Check the dates that it was computed from."
category = "plausibility/temporal"
source = "P"
[[passing]]
"mart.survival_time" = [{patient_id = "P1", endpoint = "os", origin = "lrt_start", duration_days = 30, event = 0}]
"mart.registry_patient" = [{patient_id = "P1", facility_id = "x"}]
[[failing]]
"mart.survival_time" = [{patient_id = "P1", endpoint = "os", origin = "lrt_start", duration_days = -3, event = 0}]
"mart.registry_patient" = [{patient_id = "P1", facility_id = "x"}]
[[failing]]
_severity = "info"
"mart.survival_time" = [{patient_id = "P1", endpoint = "os", origin = "lrt_start", duration_days = 0, event = 0}]
"mart.registry_patient" = [{patient_id = "P1", facility_id = "x"}]
*/
SELECT p.facility_id, concat_ws('|', s.patient_id, s.endpoint, s.origin) AS record_key,
       s.duration_days IS NULL OR s.duration_days <= 0 AS is_violated,
       CASE WHEN s.duration_days = 0 THEN 'info' ELSE 'error' END AS severity,
       CAST(s.duration_days AS VARCHAR) AS value_text
FROM mart.survival_time AS s JOIN mart.registry_patient AS p USING (patient_id)
