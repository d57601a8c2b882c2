/*
table = "death"
judges = ["death", "followup"]
no_second_record = "it asks for records that are not there"
severity = "error"
items = ["death_date"]
message = "A patient who is reported dead has exactly one death record with a date. Give the date of death as exactly as it is known (a year alone is allowed), or correct the vital status."
category = "conformance/relational"
source = "N,C"
[[passing]]
death = [{patient_id = "P1", death_date = 2018-04-10}]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2018-05-10, is_alive = false}]
[[failing]]
death = [{patient_id = "P1"}]
[[failing]]
_severity = "warning"
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2018-05-10, is_alive = false}]
*/
SELECT 'death' AS table_name, _row_id, death_date IS NULL AS is_violated, 'error' AS severity, 'death_date' AS items
FROM screened.death
UNION ALL BY NAME
SELECT 'followup' AS table_name, f._row_id, d.patient_id IS NULL AS is_violated, 'warning' AS severity, 'is_alive' AS items
FROM screened.followup AS f LEFT JOIN screened.death AS d USING (patient_id)
WHERE f.is_alive = false
