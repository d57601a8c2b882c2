/*
table = "lesion"
scope = "registry"
severity = "warning"
items = ["lesion_id"]
inputs = ["comparison.change", "comparison.record", "curated.patient", "previous.curated.lesion"]
message = "A record of the last release is no longer sent, although its patient is. Send it again, or confirm that it was removed on purpose."
category = "completeness"
source = "P"
[[passing]]
"curated.patient" = [{patient_id = "P1", facility_id = "x"}]
"curated.lesion" = [{lesion_id = "L1", patient_id = "P1", facility_id = "x"}]
"previous.curated.lesion" = [{lesion_id = "L1", patient_id = "P1", facility_id = "x"}]
[[failing]]
_may_judge_nothing = true
"curated.patient" = [{patient_id = "P1", facility_id = "x"}]
"previous.curated.lesion" = [{lesion_id = "L1", patient_id = "P1", facility_id = "x"}]
[[passing]]
"curated.patient" = [{patient_id = "P1", facility_id = "x"}]
"curated.lesion" = [{lesion_id = "L2", patient_id = "P1", facility_id = "x"}, {lesion_id = "L3", patient_id = "P1", facility_id = "x"}]
"previous.curated.lesion" = [{lesion_id = "L1", patient_id = "P1", facility_id = "x"}, {lesion_id = "L2", patient_id = "P1", facility_id = "x"}]
"quality.quarantine" = [{facility_id = "x", table_name = "lesion", record_key = "L1", patient_id = "P1", reason = "own"}]
*/
SELECT c.table_name, c.facility_id, c.record_key, c.patient_id, c.items, true AS is_violated,
       CAST(NULL AS VARCHAR) AS detail, c.old_value, c.new_value
FROM comparison.change AS c WHERE c.kind = 'removed'
UNION ALL BY NAME
SELECT table_name, facility_id, false AS is_violated, n AS n_judged FROM comparison.record
