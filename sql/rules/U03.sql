/*
table = "patient"
severity = "warning"
items = ["patient_id"]
message = "No evidence of the patient's life for more than {maximum_months} months before the extract, and no death: lost to follow-up. Find out her vital status."
category = "completeness"
source = "P"
version = 2
[thresholds]
maximum_months = 12
[[passing]]
patient = [{patient_id = "P1"}]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2023-01-10}]
[[failing]]
patient = [{patient_id = "P1"}]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2021-01-10}]
[[passing]]
patient = [{patient_id = "P1"}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2022-07-15, exam_date_precision = "month", exam_date_lower = 2022-07-01, exam_date_upper = 2022-07-31}]
[[failing]]
patient = [{patient_id = "P1"}]
systemic_line = [{line_id = "S1", patient_id = "P1", start_date = 2020-01-10, end_date = 2020-05-01}]
[[passing]]
_judged = 1
patient = [{patient_id = "P1"}, {patient_id = "P2"}, {patient_id = "P3"}]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2022-06-30}, {followup_id = "F2", patient_id = "P2", contact_date = 2019-06-30}, {followup_id = "F3", patient_id = "P3", contact_date = 2019-06-30, is_alive = false}]
imaging_exam = [{exam_id = "X1", patient_id = "P3", exam_date = 2019-01-01}]
death = [{patient_id = "P2", death_date = 2019-08-01}]
*/
WITH evidence AS (
    SELECT patient_id, contact_date_upper AS day, contact_date_precision AS exactness FROM screened.followup
    WHERE is_alive IS DISTINCT FROM false
    UNION ALL SELECT patient_id, exam_date_upper, exam_date_precision FROM screened.imaging_exam
    UNION ALL SELECT patient_id, start_date_upper, start_date_precision FROM screened.lrt_course
    UNION ALL SELECT patient_id, coalesce(end_date_upper, start_date_upper),
                     coalesce(end_date_precision, start_date_precision) FROM screened.systemic_line
    UNION ALL SELECT patient_id, event_date_upper, event_date_precision FROM screened.event
),
seen AS (
    SELECT patient_id, max(day) AS latest FROM evidence
    -- a year, or a relative calendar, says nothing of months
    WHERE exactness IS DISTINCT FROM 'year' GROUP BY patient_id
)
SELECT p._row_id,
       s.latest < $extract_date - to_months(CAST($maximum_months AS INTEGER)) AS is_violated,
       'last seen ' || CAST(s.latest AS VARCHAR) AS detail
FROM screened.patient AS p JOIN seen AS s USING (patient_id)
WHERE NOT EXISTS (SELECT 1 FROM screened.death AS d WHERE d.patient_id = p.patient_id)
  AND NOT EXISTS (SELECT 1 FROM screened.followup AS f WHERE f.patient_id = p.patient_id AND NOT f.is_alive)
