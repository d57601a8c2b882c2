/*
table = "lesion"
severity = "warning"
items = ["lesion_site", "laterality", "detection_date"]
message = "Another lesion of the patient has the same site, side, date and size: probably one lesion entered twice. Remove one of them or describe where they differ."
category = "plausibility/uniqueness"
source = "Kahn"
[[passing]]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "lung", laterality = "L", detection_date = 2017-04-10}, {lesion_id = "L2", patient_id = "P1", lesion_site = "lung", laterality = "L", detection_date = 2017-04-10}]
measurement = [{measurement_id = "M1", lesion_id = "L1", long_axis_mm = 12.0}, {measurement_id = "M2", lesion_id = "L2", long_axis_mm = 8.0}]
[[failing]]
_rows = 2
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "lung", laterality = "L", detection_date = 2017-04-10}, {lesion_id = "L2", patient_id = "P1", lesion_site = "lung", laterality = "L", detection_date = 2017-04-10}]
measurement = [{measurement_id = "M1", lesion_id = "L1", long_axis_mm = 12.0}, {measurement_id = "M2", lesion_id = "L2", long_axis_mm = 12.0}]
[[passing]]
_judged = 1
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "lung"}, {lesion_id = "L2", patient_id = "P1", lesion_site = "lung"}, {lesion_id = "L3", patient_id = "P2", lesion_site = "lung", detection_date = 2017-04-10}]
measurement = [{measurement_id = "M1", lesion_id = "L1", long_axis_mm = 12.0}, {measurement_id = "M2", lesion_id = "L2", long_axis_mm = 12.0}, {measurement_id = "M3", lesion_id = "L3", long_axis_mm = 12.0}]
*/
WITH size AS (SELECT lesion_id, max(long_axis_mm) AS largest_mm FROM screened.measurement GROUP BY lesion_id)
SELECT l._row_id,
       coalesce(lag(l._row_id) OVER same, lead(l._row_id) OVER same) AS other_row_id,
       other_row_id IS NOT NULL AS is_violated
FROM screened.lesion AS l JOIN size AS s USING (lesion_id)
WHERE l.patient_id IS NOT NULL AND l.detection_date IS NOT NULL AND s.largest_mm IS NOT NULL
WINDOW same AS (PARTITION BY l.patient_id, l.lesion_site, l.laterality, l.detection_date, s.largest_mm ORDER BY l._row_id)
