/*
table = "lesion"
severity = "error"
items = ["last_negative_date"]
message = "An examination counts as the last negative one although the lesion had already been measured. Name an examination before the first measurement."
category = "plausibility/temporal"
source = "P"
[[passing]]
lesion = [{lesion_id = "L1", patient_id = "P1", last_negative_date = 2017-01-10}]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 12.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}]
[[failing]]
lesion = [{lesion_id = "L1", patient_id = "P1", last_negative_date = 2017-06-10}]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 12.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}]
[[failing]]
_severity = "warning"
lesion = [{lesion_id = "L1", patient_id = "P1", last_negative_date = 2017-07-01, last_negative_date_precision = "year", last_negative_date_lower = 2017-01-01, last_negative_date_upper = 2017-12-31}]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 12.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}]
*/
WITH first_seen AS (
    SELECT m.lesion_id, min(x.exam_date_lower) AS earliest, min(x.exam_date_upper) AS latest
    FROM screened.measurement AS m JOIN screened.imaging_exam AS x USING (exam_id)
    WHERE m.long_axis_mm > 0 GROUP BY m.lesion_id
)
SELECT l._row_id, l.last_negative_date_upper >= f.earliest AS is_violated,
       CASE WHEN l.last_negative_date_lower >= f.latest THEN 'error' ELSE 'warning' END AS severity
FROM screened.lesion AS l JOIN first_seen AS f USING (lesion_id)
WHERE l.last_negative_date IS NOT NULL AND f.earliest IS NOT NULL
