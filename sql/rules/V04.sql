/*
table = "primary_tumour"
severity = "error"
items = ["age_at_diagnosis_years"]
message = "The stored age at diagnosis differs by more than a year from the one between birth and diagnosis. Correct the age or one of the dates."
category = "conformance/computational"
source = "C,D"
[[passing]]
patient = [{patient_id = "P1", birth_date = 1960-06-01}]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2010-05-01, age_at_diagnosis_years = 49}]
[[failing]]
patient = [{patient_id = "P1", birth_date = 1960-06-01}]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2010-05-01, age_at_diagnosis_years = 40}]
*/
SELECT t._row_id,
       t.age_at_diagnosis_years NOT BETWEEN floor((t.dx_date_lower - p.birth_date_upper) / 365.25) - 1
                                        AND floor((t.dx_date_upper - p.birth_date_lower) / 365.25) + 1 AS is_violated,
       CASE WHEN t.dx_date_lower = t.dx_date_upper AND p.birth_date_lower = p.birth_date_upper
            THEN CAST(CAST(floor((t.dx_date - p.birth_date) / 365.25) AS INTEGER) AS VARCHAR) END AS suggestion
FROM screened.primary_tumour AS t JOIN screened.patient AS p USING (patient_id)
WHERE t.age_at_diagnosis_years IS NOT NULL AND p.birth_date IS NOT NULL AND t.dx_date IS NOT NULL
