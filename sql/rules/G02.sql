/*
table = "survival_time"
scope = "registry"
severity = "error"
items = ["duration_days", "event"]
inputs = ["mart.survival_time", "mart.registry_patient"]
message = "No time to an endpoint can be longer than overall survival, and an observation ends with one outcome only. This is a fault of the pipeline or of the dates: report it."
category = "plausibility/temporal"
source = "P"
[[passing]]
"mart.survival_time" = [{patient_id = "P1", endpoint = "os", origin = "lrt_start", duration_days = 30, event = 0}, {patient_id = "P1", endpoint = "pfs", origin = "lrt_start", duration_days = 20, event = 1}]
"mart.registry_patient" = [{patient_id = "P1", facility_id = "x"}]
[[failing]]
"mart.survival_time" = [{patient_id = "P1", endpoint = "os", origin = "lrt_start", duration_days = 30, event = 0}, {patient_id = "P1", endpoint = "pfs", origin = "lrt_start", duration_days = 40, event = 1}]
"mart.registry_patient" = [{patient_id = "P1", facility_id = "x"}]
[[failing]]
"mart.survival_time" = [{patient_id = "P1", endpoint = "os", origin = "lrt_start", duration_days = 30, event = 0}, {patient_id = "P1", endpoint = "local_control", origin = "lrt_start", duration_days = 40, event = 2}]
"mart.registry_patient" = [{patient_id = "P1", facility_id = "x"}]
[[failing]]
"mart.survival_time" = [{patient_id = "P1", endpoint = "os", origin = "lrt_start", duration_days = 30, event = 1, censor_reason = "last_contact"}]
"mart.registry_patient" = [{patient_id = "P1", facility_id = "x"}]
[[passing]]
"mart.survival_time" = [{patient_id = "P1", endpoint = "os", origin = "lrt_start", duration_days = 30, event = 0}, {patient_id = "P1", endpoint = "pfs", origin = "lrt_start", duration_days = 30, event = 1}, {patient_id = "P2", endpoint = "os", origin = "lrt_start", duration_days = 10, event = 0}]
"mart.registry_patient" = [{patient_id = "P1", facility_id = "x"}, {patient_id = "P2", facility_id = "x"}]
*/
SELECT p.facility_id, concat_ws('|', s.patient_id, s.endpoint, s.origin) AS record_key,
       coalesce(s.endpoint <> 'os' AND s.duration_days > o.duration_days, false)
           OR s.event NOT IN (0, 1, 2)
           OR (s.event = 1 AND coalesce(s.censor_reason NOT IN ('event'), false)) AS is_violated,
       format('{} days against {} of overall survival', s.duration_days, o.duration_days) AS detail
FROM mart.survival_time AS s JOIN mart.registry_patient AS p USING (patient_id)
LEFT JOIN mart.survival_time AS o
  ON o.patient_id = s.patient_id AND o.origin = s.origin AND o.endpoint = 'os'
