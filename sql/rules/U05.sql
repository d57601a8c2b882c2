/*
table = "event"
severity = "error"
items = ["n_new_lesions", "event_type"]
message = "A new oligometastasis means 1 to {maximum} new lesions outside the index set; more are polymetastatic. Correct the number or the kind of event, and send the new lesions."
category = "conformance/relational"
source = "G"
[thresholds]
maximum = 5
window_days = 90
[[passing]]
event = [{event_id = "V1", patient_id = "P1", event_type = "new_oligomet", event_date = 2018-01-01, n_new_lesions = 2}]
[[failing]]
event = [{event_id = "V1", patient_id = "P1", event_type = "new_oligomet", event_date = 2018-01-01, n_new_lesions = 8}]
[[failing]]
_severity = "warning"
event = [{event_id = "V1", patient_id = "P1", event_type = "new_oligomet", event_date = 2018-01-01, n_new_lesions = 1}]
lesion = [{lesion_id = "L9", patient_id = "P2", lesion_status = "new", detection_date = 2018-01-01}]
*/
WITH sends AS (SELECT bool_or(lesion_status = 'new') AS sends_new FROM screened.lesion)
SELECT v._row_id,
       coalesce(v.n_new_lesions NOT BETWEEN 1 AND $maximum, false)
           OR (coalesce((SELECT sends_new FROM sends), false) AND NOT EXISTS (
               SELECT 1 FROM screened.lesion AS l WHERE l.patient_id = v.patient_id AND l.lesion_status = 'new'
                 AND l.detection_date BETWEEN v.event_date_lower - $window_days AND v.event_date_upper + $window_days
           )) AS is_violated,
       CASE WHEN v.n_new_lesions NOT BETWEEN 1 AND $maximum THEN 'error' ELSE 'warning' END AS severity,
       CASE WHEN v.n_new_lesions > $maximum THEN 'polymet' END AS suggestion
FROM screened.event AS v
WHERE v.event_type = 'new_oligomet' AND v.event_date IS NOT NULL
