/*
table = "event"
no_second_record = "it asks for records that are not there"
severity = "error"
items = ["n_new_lesions", "event_type"]
message = "A new oligometastasis means 1 to {maximum} new lesions outside the index set; more are polymetastatic. Correct the number or the kind of event, and send the new lesions."
category = "conformance/relational"
source = "G"
version = 2
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
[[failing]]
event = [{event_id = "V1", patient_id = "P1", event_type = "new_oligomet", event_date = 2018-01-01, n_new_lesions = 0}]
[[failing]]
event = [{event_id = "V1", patient_id = "P1", lesion_id = "L1", event_type = "new_oligomet", event_date = 2018-01-01, n_new_lesions = 1}]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_status = "index", detection_date = 2017-01-01}]
[[passing]]
event = [{event_id = "V1", patient_id = "P1", event_type = "new_oligomet", event_date = 2018-01-01, n_new_lesions = 1}, {event_id = "V2", patient_id = "P2", event_type = "new_oligomet", event_date = 2018-01-01, n_new_lesions = 5}, {event_id = "V3", patient_id = "P3", event_type = "polymet", event_date = 2018-01-01, n_new_lesions = 8}]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_status = "new", detection_date = 2017-10-03}, {lesion_id = "L2", patient_id = "P2", lesion_status = "new", detection_date = 2018-04-01}]
[[failing]]
_told = {suggestion = ""}
event = [{event_id = "V1", patient_id = "P1", lesion_id = "L1", event_type = "new_oligomet", event_date = 2018-01-01, n_new_lesions = 5}]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_status = "index", detection_date = 2017-01-01}]
*/
SELECT v._row_id,
       coalesce(v.n_new_lesions NOT BETWEEN 1 AND $maximum, false) OR coalesce(named.lesion_status = 'index', false)
           OR (EXISTS (SELECT 1 FROM screened.lesion AS l
                       WHERE l.facility_id IS NOT DISTINCT FROM v.facility_id AND l.lesion_status = 'new') AND NOT EXISTS (
               SELECT 1 FROM screened.lesion AS l WHERE l.patient_id = v.patient_id AND l.lesion_status = 'new'
                 AND l.detection_date_upper >= v.event_date_lower - $window_days
                 AND l.detection_date_lower <= v.event_date_upper + $window_days
           )) AS is_violated,
       CASE WHEN v.n_new_lesions NOT BETWEEN 1 AND $maximum OR named.lesion_status = 'index'
            THEN 'error' ELSE 'warning' END AS severity,
       CASE WHEN v.n_new_lesions > $maximum THEN 'polymet' END AS suggestion
FROM screened.event AS v LEFT JOIN screened.lesion AS named ON named.lesion_id = v.lesion_id
WHERE v.event_type = 'new_oligomet' AND v.event_date IS NOT NULL
