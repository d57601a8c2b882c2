/*
table = "systemic_line"
no_second_record = "it asks for records that are not there"
severity = "error"
items = ["start_date", "end_date", "agents", "is_concurrent"]
message = "A line of systemic therapy names its agents, does not end before it starts, and overlaps a radiotherapy where it is marked as concurrent. Complete or correct the line."
category = "plausibility/temporal"
source = "D"
version = 2
[[passing]]
systemic_line = [{line_id = "S1", patient_id = "P1", agents = "cisplatin", start_date = 2017-01-01, end_date = 2017-06-01, is_concurrent = true}]
lrt_course = [{lrt_id = "C1", patient_id = "P1", lrt_modality = "rt", start_date = 2017-05-01, end_date = 2017-05-20}]
[[failing]]
systemic_line = [{line_id = "S1", patient_id = "P1", agents = "cisplatin", start_date = 2017-06-01, end_date = 2017-01-01}]
[[failing]]
systemic_line = [{line_id = "S1", patient_id = "P1", agents = "cisplatin", start_date = 2017-01-01, end_date = 2017-02-01, is_concurrent = true}]
lrt_course = [{lrt_id = "C1", patient_id = "P1", lrt_modality = "rt", start_date = 2017-05-01, end_date = 2017-05-20}]
[[failing]]
_severity = "warning"
systemic_line = [{line_id = "S1", patient_id = "P1", start_date = 2017-01-01}]
[[failing]]
_severity = "warning"
systemic_line = [{line_id = "S1", patient_id = "P1", agents = "cisplatin", start_date = 2017-01-01, end_date = 2017-05-15, end_date_precision = "month", end_date_lower = 2017-05-01, end_date_upper = 2017-05-31, is_concurrent = true}]
lrt_course = [{lrt_id = "C1", patient_id = "P1", lrt_modality = "rt", start_date = 2017-05-20, end_date = 2017-06-20}]
[[failing]]
_severity = "warning"
systemic_line = [{line_id = "S1", patient_id = "P1", agents = "cisplatin", start_date = 2017-06-10, end_date = 2017-06-15, end_date_precision = "month", end_date_lower = 2017-06-01, end_date_upper = 2017-06-30}]
[[passing]]
systemic_line = [{line_id = "S1", patient_id = "P1", agents = "cisplatin", start_date = 2017-01-01, end_date = 2017-06-01, is_concurrent = true}, {line_id = "S2", patient_id = "P2", agents = "cisplatin", start_date = 2017-01-01, end_date = 2017-06-01, is_concurrent = true}, {line_id = "S3", patient_id = "P3", agents = "cisplatin", start_date = 2017-01-01, end_date = 2017-06-01, is_concurrent = true}, {line_id = "S4", patient_id = "P4", agents = "cisplatin", start_date = 2017-01-01, end_date = 2017-01-01, is_concurrent = false}, {line_id = "S5", patient_id = "P5", agents = "cisplatin", start_date = 2017-01-01, end_date = 2017-06-01, is_concurrent = true}]
lrt_course = [{lrt_id = "C1", patient_id = "P1", lrt_modality = "rt", start_date = 2017-06-01, end_date = 2017-06-20}, {lrt_id = "C2", patient_id = "P2", lrt_modality = "surgery", start_date = 2019-06-01}, {lrt_id = "C3", patient_id = "P3", lrt_modality = "rt", start_date = 2019-06-01}, {lrt_id = "C4", patient_id = "P4", lrt_modality = "rt", start_date = 2019-06-01}, {lrt_id = "C5", patient_id = "P5", lrt_modality = "rt", start_date = 2016-12-20, end_date = 2017-01-01}]
primary_treatment = [{treatment_id = "X2", patient_id = "P2", primary_modality = "surgery", start_date = 2015-06-01}, {treatment_id = "X3", patient_id = "P3", primary_modality = "ebrt", start_date = 2017-02-01}]
[[failing]]
_severity = "warning"
_rows = 3
systemic_line = [{line_id = "S1", patient_id = "P1", agents = "cisplatin", start_date = 2017-01-01, end_date = 2017-05-15, end_date_precision = "month", end_date_lower = 2017-05-01, end_date_upper = 2017-05-31, is_concurrent = true}, {line_id = "S2", patient_id = "P2", agents = "cisplatin", start_date = 2017-05-31, end_date = 2017-07-01, is_concurrent = true}, {line_id = "S3", patient_id = "P3", agents = "cisplatin", start_date = 2017-06-30, end_date = 2017-06-15, end_date_precision = "month", end_date_lower = 2017-06-01, end_date_upper = 2017-06-30}]
lrt_course = [{lrt_id = "C1", patient_id = "P1", lrt_modality = "rt", start_date = 2017-05-31, end_date = 2017-06-20}, {lrt_id = "C2", patient_id = "P2", lrt_modality = "rt", start_date = 2017-04-20, end_date = 2017-05-15, end_date_precision = "month", end_date_lower = 2017-05-01, end_date_upper = 2017-05-31}]
*/
WITH radiation AS (
    SELECT patient_id, start_date_lower AS first_day, coalesce(end_date_upper, start_date_upper) AS last_day,
           start_date_upper AS sure_first, coalesce(end_date_lower, start_date_lower) AS sure_last
    FROM screened.lrt_course WHERE lrt_modality = 'rt' AND start_date IS NOT NULL
    UNION ALL
    SELECT patient_id, start_date_lower, coalesce(end_date_upper, start_date_upper),
           start_date_upper, coalesce(end_date_lower, start_date_lower)
    FROM screened.primary_treatment
    WHERE primary_modality IN ('ebrt', 'brachy', 'ccrt') AND start_date IS NOT NULL
),
overlap AS (
    SELECT s._row_id,
           bool_or(r.first_day <= coalesce(s.end_date_upper, r.first_day) AND r.last_day >= s.start_date_lower)
               AS has_overlap,
           bool_or(r.sure_first <= coalesce(s.end_date_lower, r.sure_first) AND r.sure_last >= s.start_date_upper)
               AS has_sure_overlap
    FROM screened.systemic_line AS s JOIN radiation AS r USING (patient_id)
    WHERE s.is_concurrent AND s.start_date IS NOT NULL GROUP BY s._row_id
)
SELECT s._row_id,
       s.agents IS NULL OR coalesce(s.end_date_lower < s.start_date_upper, false)
           OR coalesce(NOT o.has_sure_overlap, false) AS is_violated,
       CASE WHEN s.end_date_upper < s.start_date_lower OR NOT o.has_overlap THEN 'error' ELSE 'warning' END
           AS severity
FROM screened.systemic_line AS s LEFT JOIN overlap AS o USING (_row_id)
