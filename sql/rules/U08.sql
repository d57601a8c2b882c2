/*
table = "lesion"
no_second_record = "it asks for records that are not there"
severity = "warning"
items = ["lesion_status", "detection_date"]
message = "A new lesion after the index episode has no progression event within {window_days} days. Send the event or correct the lesion's status."
category = "completeness"
source = "X"
[thresholds]
window_days = 60
[[passing]]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_status = "new", detection_date = 2018-01-01}]
event = [{event_id = "V1", patient_id = "P1", event_type = "new_oligomet", event_date = 2018-01-10}]
[[failing]]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_status = "new", detection_date = 2018-01-01}]
[[passing]]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_status = "new", detection_date = 2018-01-01}, {lesion_id = "L2", patient_id = "P2", lesion_status = "new", detection_date = 2018-01-01}, {lesion_id = "L3", patient_id = "P3", lesion_status = "index", detection_date = 2018-01-01}]
event = [{event_id = "V1", patient_id = "P1", event_type = "polymet", event_date = 2018-03-02}, {event_id = "V2", patient_id = "P2", event_type = "polymet", event_date = 2017-11-02}]
[[failing]]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_status = "new", detection_date = 2018-01-01}]
event = [{event_id = "V1", patient_id = "P1", event_type = "biochemical", event_date = 2018-01-01}, {event_id = "V2", patient_id = "P1", event_type = "polymet", event_date = 2016-01-01}]
*/
SELECT l._row_id,
       NOT EXISTS (
           SELECT 1 FROM screened.event AS v WHERE v.patient_id = l.patient_id
             AND v.event_type NOT IN ('biochemical', 'new_primary')
             AND v.event_date_lower <= l.detection_date_upper + $window_days
             AND v.event_date_upper >= l.detection_date_lower - $window_days
       ) AS is_violated
FROM screened.lesion AS l
WHERE l.lesion_status = 'new' AND l.detection_date IS NOT NULL
