/*
table = "toxicity"
other_table = "lrt_course"
severity = "warning"
items = ["onset_date", "is_acute"]
message = "The toxicity begins before its therapy, or is called acute more than {acute_days} days after the end of therapy. Correct the onset, the course or the label."
category = "plausibility/temporal"
source = "P"
[thresholds]
acute_days = 90
[[passing]]
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2017-05-01, end_date = 2017-05-20}]
toxicity = [{toxicity_id = "X1", lrt_id = "C1", patient_id = "P1", onset_date = 2017-06-10, is_acute = true}]
[[failing]]
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2017-05-01, end_date = 2017-05-20}]
toxicity = [{toxicity_id = "X1", lrt_id = "C1", patient_id = "P1", onset_date = 2017-04-10}]
[[failing]]
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2017-05-01, end_date = 2017-05-20}]
toxicity = [{toxicity_id = "X1", lrt_id = "C1", patient_id = "P1", onset_date = 2017-12-10, is_acute = true}]
[[passing]]
_judged = 2
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2017-05-01, end_date = 2017-05-20}]
toxicity = [{toxicity_id = "X1", lrt_id = "C1", patient_id = "P1", onset_date = 2017-05-01, is_acute = true}, {toxicity_id = "X2", lrt_id = "C1", patient_id = "P1", onset_date = 2017-08-18, is_acute = true}, {toxicity_id = "X3", lrt_id = "C1", patient_id = "P1", is_acute = true}]
*/
SELECT x._row_id,
       coalesce(x.onset_date_upper < c.start_date_lower, false)
           OR coalesce(x.is_acute AND x.onset_date_lower - 
                       coalesce(c.end_date_upper, CASE WHEN c.lrt_modality IS DISTINCT FROM 'rt' THEN c.start_date_upper END)
                       > $acute_days,
                       false) AS is_violated,
       c._row_id AS other_row_id
FROM screened.toxicity AS x JOIN screened.lrt_course AS c USING (lrt_id)
WHERE x.onset_date IS NOT NULL AND c.start_date IS NOT NULL
