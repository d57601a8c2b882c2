/*
table = "event"
other_table = "lrt_course"
severity = "warning"
items = ["event_date", "event_evidence"]
message = "A recurrence within {minimum_days} days of the end of local therapy may be persistence, and a local recurrence should rest on imaging or pathology. Confirm the event and its evidence."
category = "plausibility/temporal"
source = "X"
version = 2
[thresholds]
minimum_days = 30
[[passing]]
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2017-05-01, end_date = 2017-05-20}]
event = [{event_id = "V1", patient_id = "P1", event_type = "local_recurrence", event_date = 2018-01-01, event_evidence = "imaging"}]
[[failing]]
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2017-05-01, end_date = 2017-05-20}]
event = [{event_id = "V1", patient_id = "P1", event_type = "local_recurrence", event_date = 2017-06-01, event_evidence = "imaging"}]
[[failing]]
event = [{event_id = "V1", patient_id = "P1", event_type = "local_recurrence", event_date = 2018-01-01, event_evidence = "clinical"}]
[[failing]]
event = [{event_id = "V1", patient_id = "P1", event_type = "local_recurrence", event_date = 2018-01-01}, {event_id = "V2", patient_id = "P2", event_type = "polymet", event_date = 2018-01-01, event_evidence = "imaging"}]
[[passing]]
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2017-05-01, end_date = 2017-05-20}]
event = [{event_id = "V1", patient_id = "P1", event_type = "biochemical", event_date = 2017-06-01}, {event_id = "V2", patient_id = "P2", event_type = "polymet", event_date = 2018-01-01}]
[[passing]]
event = [{event_id = "V1", patient_id = "P1", event_type = "local_recurrence", event_date = 2018-01-01}]
[[failing]]
_rows = 2
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2017-05-01, end_date = 2017-05-20}]
event = [{event_id = "V1", patient_id = "P1", event_type = "polymet", event_date = 2017-05-01}, {event_id = "V2", patient_id = "P1", event_type = "polymet", event_date = 2017-06-19}]
*/
WITH sent AS (SELECT facility_id, count(event_evidence) > 0 AS has_evidence FROM screened.event GROUP BY facility_id),
soon AS (
    SELECT v._row_id, min(c._row_id) AS course_row_id
    FROM screened.event AS v JOIN screened.lrt_course AS c
      ON c.patient_id = v.patient_id AND v.event_date_lower >= c.start_date_upper
     AND v.event_date_upper <= coalesce(c.end_date_lower, c.start_date_lower) + $minimum_days
    GROUP BY v._row_id
)
SELECT v._row_id,
       (v.event_type = 'local_recurrence'
        AND CASE WHEN v.event_evidence IS NULL THEN s.has_evidence ELSE v.event_evidence IN ('clinical', 'unk') END)
       OR n.course_row_id IS NOT NULL AS is_violated,
       n.course_row_id AS other_row_id
FROM screened.event AS v JOIN sent AS s ON s.facility_id IS NOT DISTINCT FROM v.facility_id
LEFT JOIN soon AS n ON n._row_id = v._row_id
WHERE v.event_date IS NOT NULL AND v.event_type NOT IN ('biochemical', 'new_primary')
