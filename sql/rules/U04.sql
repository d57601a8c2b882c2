/*
table = "event"
no_second_record = "the record is wrong by itself; others only say how it is judged"
severity = "error"
items = ["lesion_id", "event_date"]
message = "A local recurrence names a treated lesion and lies after the start of its therapy. Give the lesion, or correct the date or the kind of event."
category = "conformance/relational"
source = "P"
version = 2
identifiers = {suggestion = "lesion"}
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
[[failing]]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1"}, {lesion_id = "L2", episode_id = "E1", patient_id = "P1"}]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", start_date = 2017-05-01}]
lrt_target = [{lrt_id = "C1", lesion_id = "L2", patient_id = "P1"}]
event = [{event_id = "V1", patient_id = "P1", lesion_id = "L1", event_type = "local_recurrence", event_date = 2018-01-01}]
[[failing]]
_severity = "warning"
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1"}]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", start_date = 2017-05-01}]
event = [{event_id = "V1", patient_id = "P1", lesion_id = "L1", event_type = "local_recurrence", event_date = 2017-07-01, event_date_precision = "year", event_date_lower = 2017-01-01, event_date_upper = 2017-12-31}]
[[passing]]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1"}]
event = [{event_id = "V1", patient_id = "P1", lesion_id = "L1", event_type = "local_recurrence", event_date = 2018-01-01}, {event_id = "V2", patient_id = "P1", event_type = "polymet", event_date = 2018-01-01}]
[[failing]]
_severity = "warning"
_told = {suggestion = "L1"}
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1"}, {lesion_id = "L2", episode_id = "E1", patient_id = "P1", lesion_status = "new"}]
event = [{event_id = "V1", patient_id = "P1", event_type = "local_recurrence", event_date = 2018-01-01}]
[[failing]]
_rows = 2
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1"}, {lesion_id = "L3", episode_id = "E3", patient_id = "P3"}]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", start_date = 2017-05-01}, {lrt_id = "C2", episode_id = "E2", patient_id = "P1", start_date = 2016-01-01}, {lrt_id = "C3", episode_id = "E3", patient_id = "P3", start_date = 2017-05-01}]
event = [{event_id = "V1", patient_id = "P1", lesion_id = "L1", event_type = "local_recurrence", event_date = 2016-06-01}, {event_id = "V3", patient_id = "P3", lesion_id = "L3", event_type = "local_recurrence", event_date = 2017-05-01}]
*/
WITH course AS (
    SELECT c.episode_id, bool_or(t.lesion_id IS NOT NULL) AS names_lesions
    FROM screened.lrt_course AS c LEFT JOIN screened.lrt_target AS t USING (lrt_id) GROUP BY c.episode_id
),
only_treated AS (
    SELECT patient_id, min(lesion_id) AS lesion_id FROM screened.lesion
    WHERE coalesce(lesion_status, 'index') = 'index' AND is_treated IS DISTINCT FROM false
    GROUP BY patient_id HAVING count(*) = 1
),
named AS (
    SELECT v._row_id, v.patient_id, v.lesion_id, v.event_date_lower, v.event_date_upper, l.episode_id,
           v.lesion_id IS NOT NULL AND (l.lesion_id IS NULL OR l.is_treated IS NOT DISTINCT FROM false
               OR (coalesce(c.names_lesions, false) AND NOT EXISTS (
                   SELECT 1 FROM screened.lrt_target AS t WHERE t.lesion_id = v.lesion_id))) AS is_wrong
    FROM screened.event AS v LEFT JOIN screened.lesion AS l USING (lesion_id)
    LEFT JOIN course AS c ON c.episode_id = l.episode_id
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
           AS severity,
       CASE WHEN n.lesion_id IS NULL THEN o.lesion_id END AS suggestion
FROM named AS n LEFT JOIN started AS s USING (_row_id) LEFT JOIN only_treated AS o USING (patient_id)
