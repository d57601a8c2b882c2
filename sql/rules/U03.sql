/*
table = "patient"
severity = "warning"
items = ["patient_id"]
message = "No evidence of the patient's life for more than {maximum_months} months before the extract, and no death: lost to follow-up. Find out her vital status."
category = "completeness"
source = "P"
[thresholds]
maximum_months = 12
[[passing]]
patient = [{patient_id = "P1"}]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2023-01-10}]
[[failing]]
patient = [{patient_id = "P1"}]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2021-01-10}]
*/
WITH seen AS (
    SELECT patient_id, max(day) AS latest FROM (
        SELECT patient_id, contact_date AS day FROM screened.followup WHERE is_alive IS DISTINCT FROM false
          AND contact_date_precision IS DISTINCT FROM 'year'  -- a year, or a relative calendar, says nothing of months
        UNION ALL SELECT patient_id, exam_date FROM screened.imaging_exam
        UNION ALL SELECT patient_id, start_date FROM screened.lrt_course
        UNION ALL SELECT patient_id, event_date FROM screened.event
    ) WHERE day IS NOT NULL GROUP BY patient_id
)
SELECT p._row_id,
       s.latest < $extract_date - to_months(CAST($maximum_months AS INTEGER)) AS is_violated,
       'last seen ' || CAST(s.latest AS VARCHAR) AS detail
FROM screened.patient AS p JOIN seen AS s USING (patient_id)
WHERE NOT EXISTS (SELECT 1 FROM screened.death AS d WHERE d.patient_id = p.patient_id)
  AND NOT EXISTS (SELECT 1 FROM screened.followup AS f WHERE f.patient_id = p.patient_id AND NOT f.is_alive)
