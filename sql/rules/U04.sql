/*
table = "event"
severity = "error"
items = ["lesion_id", "event_date"]
message = "A local recurrence names a treated lesion and lies after the start of its therapy. Give the lesion, or correct the date or the kind of event."
category = "conformance/relational"
source = "P"
[[passing]]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1"}]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", start_date = 2017-05-01}]
event = [{event_id = "V1", patient_id = "P1", lesion_id = "L1", event_type = "local_recurrence", event_date = 2018-01-01}]
[[failing]]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1"}]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", start_date = 2017-05-01}]
event = [{event_id = "V1", patient_id = "P1", lesion_id = "L1", event_type = "local_recurrence", event_date = 2017-01-01}]
[[failing]]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", is_treated = false}]
event = [{event_id = "V1", patient_id = "P1", lesion_id = "L1", event_type = "local_recurrence", event_date = 2018-01-01}]
[[failing]]
_severity = "warning"
event = [{event_id = "V1", patient_id = "P1", event_type = "local_recurrence", event_date = 2018-01-01}]
*/
WITH named AS (
    SELECT v._row_id, v.patient_id, v.lesion_id, v.event_date_lower, v.event_date_upper, l.episode_id,
           v.lesion_id IS NOT NULL AND (l.lesion_id IS NULL OR l.is_treated IS NOT DISTINCT FROM false) AS is_wrong
    FROM screened.event AS v LEFT JOIN screened.lesion AS l USING (lesion_id)
    WHERE v.event_type = 'local_recurrence' AND v.event_date IS NOT NULL
),
started AS (
    SELECT n._row_id, min(c.start_date_lower) AS earliest, min(c.start_date_upper) AS latest
    FROM named AS n JOIN screened.lrt_course AS c
      ON c.patient_id = n.patient_id AND (n.episode_id IS NULL OR c.episode_id = n.episode_id)
    WHERE c.start_date IS NOT NULL GROUP BY n._row_id
)
SELECT n._row_id,
       n.is_wrong OR n.lesion_id IS NULL OR coalesce(n.event_date_lower <= s.latest, false) AS is_violated,
       CASE WHEN n.is_wrong OR coalesce(n.event_date_upper <= s.earliest, false) THEN 'error' ELSE 'warning' END
           AS severity
FROM named AS n LEFT JOIN started AS s USING (_row_id)
