/*
table = "patient"
scope = "registry"
severity = "error"
items = ["patient_id"]
inputs = ["curated.patient", "curated.death", "previous.curated.patient", "previous.curated.death"]
message = "A patient of the last release has disappeared, or one who was dead is alive again. Send the record again, or confirm that it was removed on purpose."
category = "plausibility/temporal"
source = "P"
[[passing]]
"curated.patient" = [{patient_id = "P1", facility_id = "x"}]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x"}]
[[failing]]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x"}]
[[failing]]
"curated.patient" = [{patient_id = "P1", facility_id = "x"}]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x"}]
"previous.curated.death" = [{patient_id = "P1", facility_id = "x", death_date = 2019-01-01}]
*/
SELECT old.facility_id, old.patient_id AS record_key,
       now.patient_id IS NULL OR (was.patient_id IS NOT NULL AND dead.patient_id IS NULL) AS is_violated,
       CASE WHEN now.patient_id IS NULL THEN 'disappeared' ELSE 'dead before, no death now' END AS detail
FROM previous.curated.patient AS old
LEFT JOIN curated.patient AS now USING (patient_id)
LEFT JOIN previous.curated.death AS was USING (patient_id)
LEFT JOIN curated.death AS dead USING (patient_id)
