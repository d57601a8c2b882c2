/*
table = "imaging_exam"
other_table = "death"
severity = "error"
items = ["exam_date"]
message = "The examination lies after the patient's death or before her birth (up to {administrative_days} days after death: a query). Correct the date of the examination, of death or of birth, or the patient number."
category = "plausibility/temporal"
source = "D"
[thresholds]
administrative_days = 7
[[passing]]
patient = [{patient_id = "P1", birth_date = 1960-01-01}]
death = [{patient_id = "P1", death_date = 2018-04-10}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}]
[[failing]]
death = [{patient_id = "P1", death_date = 2017-03-10}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}]
[[failing]]
_severity = "warning"
death = [{patient_id = "P1", death_date = 2017-04-08}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}]
[[failing]]
patient = [{patient_id = "P1", birth_date = 2018-01-01}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}]
[[passing]]
_judged = 2
patient = [{patient_id = "P2", birth_date = 2017-04-10}]
death = [{patient_id = "P1", death_date = 2017-04-10}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}, {exam_id = "X2", patient_id = "P2", exam_date = 2017-04-10}, {exam_id = "X3", patient_id = "P3", exam_date = 2017-04-10}]
[[failing]]
_severity = "warning"
_rows = 2
patient = [{patient_id = "P2", birth_date = 2018-01-15, birth_date_precision = "month", birth_date_lower = 2018-01-01, birth_date_upper = 2018-01-31}]
death = [{patient_id = "P1", death_date = 2017-04-03}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}, {exam_id = "X2", patient_id = "P2", exam_date = 2018-01-01}]
*/
SELECT x._row_id,
       coalesce(x.exam_date_upper > d.death_date_lower, false)
           OR coalesce(x.exam_date_lower < p.birth_date_upper, false) AS is_violated,
       CASE WHEN x.exam_date_lower > d.death_date_upper + $administrative_days
              OR x.exam_date_upper < p.birth_date_lower THEN 'error' ELSE 'warning' END AS severity,
       CASE WHEN x.exam_date_upper > d.death_date_lower THEN d._row_id END AS other_row_id
FROM screened.imaging_exam AS x
LEFT JOIN screened.death AS d USING (patient_id)
LEFT JOIN screened.patient AS p USING (patient_id)
WHERE x.exam_date IS NOT NULL AND (d.death_date IS NOT NULL OR p.birth_date IS NOT NULL)
