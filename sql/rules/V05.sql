/*
table = "patient"
severity = "warning"
items = ["birth_date"]
message = "Two patient numbers share date of birth, date of diagnosis and histology: perhaps one woman under two numbers. Compare the records; link the numbers if they are one person."
category = "plausibility/uniqueness"
source = "Kahn uniqueness"
[[passing]]
patient = [{patient_id = "P1", birth_date = 1960-06-01}, {patient_id = "P2", birth_date = 1960-06-02}]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2010-05-01}, {tumour_id = "T2", patient_id = "P2", dx_date = 2010-05-01}]
[[failing]]
_rows = 2
patient = [{patient_id = "P1", birth_date = 1960-06-01}, {patient_id = "P2", birth_date = 1960-06-01}]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2010-05-01, histology_group = "scc"}, {tumour_id = "T2", patient_id = "P2", dx_date = 2010-05-01, histology_group = "scc"}]
*/
WITH person AS (
    SELECT p._row_id, p.patient_id, p.birth_date, t.dx_date, coalesce(t.histology_group, '') AS histology_group
    FROM screened.patient AS p JOIN screened.primary_tumour AS t USING (patient_id)
    WHERE p.birth_date_precision = 'day' AND t.dx_date_precision = 'day'
),
shared AS (
    SELECT birth_date, dx_date, histology_group FROM person
    GROUP BY ALL HAVING count(DISTINCT patient_id) > 1
)
SELECT person._row_id, bool_or(shared.birth_date IS NOT NULL) AS is_violated
FROM person LEFT JOIN shared USING (birth_date, dx_date, histology_group)
GROUP BY person._row_id
