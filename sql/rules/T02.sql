/*
table = "lrt_course"
other_table = "lesion"
severity = "error"
items = ["start_date"]
message = "Local therapy starts on or after the detection of the lesions it treats, and usually within {maximum_days} days. Correct one of the dates, or confirm the interval."
category = "plausibility/temporal"
source = "N; dates as in CCR IF743"
version = 2
[thresholds]
maximum_days = 120
[[passing]]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", start_date = 2017-05-01}]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", detection_date = 2017-04-10}]
[[failing]]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", start_date = 2017-03-01}]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", detection_date = 2017-04-10}]
[[failing]]
_severity = "warning"
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", start_date = 2017-12-01}]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", detection_date = 2017-04-10}]
[[failing]]
_severity = "warning"
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", start_date = 2017-12-01}]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", detection_date = 2017-04-10}, {lesion_id = "L2", episode_id = "E1", patient_id = "P1", detection_date = 2017-11-10}]
lrt_target = [{lrt_id = "C1", lesion_id = "L1"}, {lrt_id = "C1", lesion_id = "L2"}]
[[failing]]
_severity = "warning"
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", start_date = 2017-04-01}]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", detection_date = 2017-04-15, detection_date_precision = "month", detection_date_lower = 2017-04-01, detection_date_upper = 2017-04-30}]
[[passing]]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", start_date = 2017-04-10}, {lrt_id = "C2", episode_id = "E2", patient_id = "P2", start_date = 2017-08-08}, {lrt_id = "C3", episode_id = "E3", patient_id = "P3", start_date = 2017-05-01}]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", detection_date = 2017-04-10}, {lesion_id = "L2", episode_id = "E2", patient_id = "P2", detection_date = 2017-04-10}, {lesion_id = "L3", episode_id = "E2", patient_id = "P2", detection_date = 2016-01-01, lesion_status = "regional"}, {lesion_id = "L4", episode_id = "E3", patient_id = "P3", detection_date = 2017-04-10}, {lesion_id = "L5", episode_id = "E3", patient_id = "P3", detection_date = 2016-01-01}]
lrt_target = [{lrt_id = "C3", lesion_id = "L4"}]
[[failing]]
_severity = "warning"
_told = {detail = "235 days"}
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", start_date = 2017-12-01}]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", detection_date = 2017-04-10}, {lesion_id = "L2", episode_id = "E1", patient_id = "P1", detection_date = 2017-12-01}]
lrt_target = [{lrt_id = "C1", lesion_id = "L1"}, {lrt_id = "C1", lesion_id = "L2"}]
*/
WITH target AS (
    SELECT t.lrt_id, max(l.detection_date_lower) AS earliest, max(l.detection_date_upper) AS latest,
           min(l.detection_date_upper) AS first_latest, arg_max(l._row_id, l.detection_date_upper) AS late_row_id,
           arg_min(l._row_id, l.detection_date_upper) AS early_row_id
    FROM screened.lrt_target AS t JOIN screened.lesion AS l USING (lesion_id)
    GROUP BY t.lrt_id
),
episode AS (
    SELECT episode_id, min(detection_date_lower) AS earliest, min(detection_date_upper) AS latest,
           arg_min(_row_id, detection_date_upper) AS lesion_row_id
    FROM screened.lesion WHERE coalesce(lesion_status, 'index') = 'index'
    GROUP BY episode_id
),
gap AS (
    SELECT c._row_id,
           c.start_date_upper - coalesce(t.earliest, e.earliest) AS most,
           c.start_date_lower - coalesce(t.latest, e.latest) AS least,
           c.start_date_lower - coalesce(t.first_latest, e.latest) AS wait,
           coalesce(t.late_row_id, e.lesion_row_id) AS late_row_id,
           coalesce(t.early_row_id, e.lesion_row_id) AS early_row_id
    FROM screened.lrt_course AS c
    LEFT JOIN target AS t ON t.lrt_id = c.lrt_id LEFT JOIN episode AS e ON e.episode_id = c.episode_id
)
SELECT _row_id, least < 0 OR wait > $maximum_days AS is_violated,
       CASE WHEN most < 0 THEN 'error' ELSE 'warning' END AS severity,
       format('{} days', CASE WHEN least < 0 THEN least ELSE wait END) AS detail,
       CASE WHEN least < 0 THEN late_row_id ELSE early_row_id END AS other_row_id
FROM gap
