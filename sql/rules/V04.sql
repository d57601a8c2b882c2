/*
table = "primary_tumour"
other_table = "patient"
severity = "error"
items = ["age_at_diagnosis_years"]
message = "The stored age at diagnosis differs by more than a year from the one between birth and diagnosis. Correct the age or one of the dates."
category = "conformance/computational"
source = "C,D; IARC/ENCR check of age"
version = 2
[[passing]]
patient = [{patient_id = "P1", birth_date = 1960-06-01}]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2010-05-01, age_at_diagnosis_years = 49}]
[[failing]]
patient = [{patient_id = "P1", birth_date = 1960-06-01}]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2010-05-01, age_at_diagnosis_years = 40}]
[[failing]]
_severity = "warning"
patient = [{patient_id = "P1", birth_date = 1960-07-01, birth_date_precision = "year", birth_date_lower = 1960-01-01, birth_date_upper = 1960-12-31}]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2010-05-01, age_at_diagnosis_years = 48}]
[[failing]]
_told = {suggestion = "49"}
patient = [{patient_id = "P1", birth_date = 1960-06-01}]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2010-05-01, age_at_diagnosis_years = 51}]
*/
WITH age AS (
    SELECT t._row_id, p._row_id AS patient_row_id, t.age_at_diagnosis_years AS stated,
           date_sub('year', p.birth_date_upper, t.dx_date_lower) AS youngest,
           date_sub('year', p.birth_date_lower, t.dx_date_upper) AS oldest
    FROM screened.primary_tumour AS t JOIN screened.patient AS p USING (patient_id)
)
SELECT _row_id, stated NOT BETWEEN oldest - 1 AND youngest + 1 AS is_violated,
       CASE WHEN stated NOT BETWEEN youngest - 1 AND oldest + 1 THEN 'error' ELSE 'warning' END AS severity,
       CASE WHEN youngest = oldest THEN CAST(youngest AS VARCHAR) END AS suggestion,
       patient_row_id AS other_row_id
FROM age
