/*
table = "primary_treatment"
other_table = "primary_tumour"
severity = "error"
items = ["start_date", "end_date"]
message = "Treatment of the primary starts at most {lead_days} days before its diagnosis and does not end before it starts. Correct the wrong date."
category = "plausibility/temporal"
source = "D,N; dates as in CCR IF743"
[thresholds]
lead_days = 31
[[passing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", start_date = 2015-04-20, end_date = 2015-06-01}]
[[failing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", start_date = 2015-03-20}]
[[failing]]
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", start_date = 2015-06-01, end_date = 2015-05-01}]
[[failing]]
_severity = "warning"
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", start_date = 2015-06-10, end_date = 2015-06-15, end_date_precision = "month", end_date_lower = 2015-06-01, end_date_upper = 2015-06-30}]
[[passing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", start_date = 2015-03-31, end_date = 2015-03-31}]
[[failing]]
_severity = "warning"
_rows = 2
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", start_date = 2015-03-15, start_date_precision = "month", start_date_lower = 2015-03-01, start_date_upper = 2015-03-31}, {treatment_id = "X2", tumour_id = "T1", patient_id = "P1", start_date = 2015-06-30, end_date = 2015-06-15, end_date_precision = "month", end_date_lower = 2015-06-01, end_date_upper = 2015-06-30}]
*/
WITH gap AS (
    SELECT x._row_id, t._row_id AS tumour_row_id,
           x.start_date_upper - t.dx_date_lower AS start_most, x.start_date_lower - t.dx_date_upper AS start_least,
           x.end_date_upper - x.start_date_lower AS span_most, x.end_date_lower - x.start_date_upper AS span_least
    FROM screened.primary_treatment AS x LEFT JOIN screened.primary_tumour AS t USING (tumour_id)
)
SELECT _row_id,
       coalesce(start_least < -$lead_days, false) OR coalesce(span_least < 0, false) AS is_violated,
       CASE WHEN coalesce(start_most < -$lead_days, false) OR coalesce(span_most < 0, false)
            THEN 'error' ELSE 'warning' END AS severity,
       CASE WHEN start_least < -$lead_days THEN tumour_row_id END AS other_row_id
FROM gap
WHERE start_least IS NOT NULL OR span_least IS NOT NULL
