/*
table = "patient"
other_table = "primary_tumour"
severity = "error"
items = ["birth_date"]
message = "The date of birth must be known at least to the year, and the age at diagnosis of the primary must lie between {minimum_years} and {maximum_years} years (usual: {usual_minimum_years} to {usual_maximum_years}). Give or correct the date of birth."
category = "plausibility/temporal"
source = "C; IARC/ENCR check of age"
version = 2
[thresholds]
minimum_years = 15
maximum_years = 100
usual_minimum_years = 20
usual_maximum_years = 90
[[passing]]
patient = [{patient_id = "P1", birth_date = 1960-01-01}]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2010-05-01}]
[[failing]]
patient = [{patient_id = "P1", birth_date = 2001-01-01}]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2010-05-01}]
[[failing]]
patient = [{patient_id = "P1"}]
[[failing]]
_severity = "warning"
patient = [{patient_id = "P1", birth_date = 1960-01-01}]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2056-05-01}]
[[failing]]
patient = [{patient_id = "P1", birth_date = 1900-01-01}]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2010-05-01}]
[[failing]]
_severity = "warning"
patient = [{patient_id = "P1"}]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2010-05-01, age_at_diagnosis_years = 50}]
[[failing]]
_severity = "warning"
patient = [{patient_id = "P1", birth_date = 1995-07-01, birth_date_precision = "year", birth_date_lower = 1995-01-01, birth_date_upper = 1995-12-31}]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2010-05-01}]
[[passing]]
patient = [{patient_id = "P1", birth_date = 1990-05-01}, {patient_id = "P2", birth_date = 1920-05-01}]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2010-05-01}, {tumour_id = "T2", patient_id = "P2", dx_date = 2010-05-01}]
[[failing]]
_severity = "warning"
_told = {detail = "age at diagnosis about 100 years"}
patient = [{patient_id = "P1", birth_date = 1910-05-01}]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2010-05-01}]
*/
WITH first_tumour AS (
    SELECT patient_id, min(dx_date_lower) AS dx_lower, min(dx_date_upper) AS dx_upper,
           min(age_at_diagnosis_years) AS stated_age, arg_min(_row_id, dx_date_upper) AS tumour_row_id
    FROM screened.primary_tumour GROUP BY patient_id
),
age AS (
    SELECT p._row_id, p.birth_date IS NULL AS has_no_birth, t.stated_age, t.tumour_row_id,
           coalesce(date_sub('year', p.birth_date_upper, t.dx_lower), t.stated_age) AS youngest,
           coalesce(date_sub('year', p.birth_date_lower, t.dx_upper), t.stated_age) AS oldest
    FROM screened.patient AS p LEFT JOIN first_tumour AS t USING (patient_id)
)
SELECT _row_id,
       has_no_birth OR coalesce(youngest < $usual_minimum_years OR oldest > $usual_maximum_years, false) AS is_violated,
       -- A facility that may only say the age has said what the analysis needs: a query, no error.
       CASE WHEN (has_no_birth AND stated_age IS NULL) OR oldest < $minimum_years OR youngest > $maximum_years
            THEN 'error' ELSE 'warning' END AS severity,
       CASE WHEN youngest IS NOT NULL THEN format('age at diagnosis about {} years', youngest) END AS detail,
       CASE WHEN NOT has_no_birth THEN tumour_row_id END AS other_row_id
FROM age
