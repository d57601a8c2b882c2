/*
table = "patient"
no_second_record = "it asks for records that are not there"
severity = "warning"
items = ["patient_id"]
message = "No evidence of the patient's life for more than {maximum_months} months before the extract, or none at all, and no death: lost to follow-up. Find out her vital status."
category = "completeness"
source = "P"
version = 3
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
[[failing]]
_told = {detail = "no dated contact, examination or therapy"}
patient = [{patient_id = "P1"}]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2010-01-10}]
[[failing]]
patient = [{patient_id = "P1"}]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2023-01-10, followup_source = "civil", is_alive = true}]
[[passing]]
patient = [{patient_id = "P1"}]
lesion = [{lesion_id = "L1", patient_id = "P1", detection_date = 2023-01-10}]
[[passing]]
_judged = 1
patient = [{patient_id = "P1"}, {patient_id = "P2"}, {patient_id = "P3"}]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2022-06-30}, {followup_id = "F2", patient_id = "P2", contact_date = 2019-06-30}, {followup_id = "F3", patient_id = "P3", contact_date = 2019-06-30, is_alive = false}]
imaging_exam = [{exam_id = "X1", patient_id = "P3", exam_date = 2019-01-01}]
death = [{patient_id = "P2", death_date = 2019-08-01}]
*/
WITH evidence AS (
    {{evidence_of_life}}
),
seen AS (
    -- a year, or a relative calendar, says nothing of months
    SELECT patient_id, count(day) AS n_days, max(day_upper) FILTER (day_precision IS DISTINCT FROM 'year') AS latest
    FROM evidence GROUP BY patient_id
)
SELECT p._row_id,
       CASE WHEN coalesce(s.n_days, 0) = 0 THEN true
            ELSE s.latest < $extract_date - to_months(CAST($maximum_months AS INTEGER)) END AS is_violated,
       coalesce('last seen ' || CAST(s.latest AS VARCHAR), 'no dated contact, examination or therapy') AS detail
FROM screened.patient AS p LEFT JOIN seen AS s USING (patient_id)
WHERE NOT EXISTS (SELECT 1 FROM screened.death AS d WHERE d.patient_id = p.patient_id)
  AND NOT EXISTS (SELECT 1 FROM screened.followup AS f WHERE f.patient_id = p.patient_id AND NOT f.is_alive)
