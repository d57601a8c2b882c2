/*
table = "toxicity"
severity = "error"
items = ["grade", "ctcae_term"]
message = "A toxicity carries a CTCAE term and a grade from 1 to 5; grade 5 means that the patient died of it. Correct the grade, name the term, or send the death with its cause."
category = "conformance/relational"
source = "P"
[[passing]]
toxicity = [{toxicity_id = "X1", patient_id = "P1", ctcae_term = "Pneumonitis", grade = 5}]
death = [{patient_id = "P1", death_date = 2018-04-10, death_cause = "treatment"}]
[[failing]]
toxicity = [{toxicity_id = "X1", patient_id = "P1", ctcae_term = "Pneumonitis", grade = 6}]
[[failing]]
toxicity = [{toxicity_id = "X1", patient_id = "P1", ctcae_term = "Pneumonitis", grade = 5}]
[[failing]]
_severity = "warning"
toxicity = [{toxicity_id = "X1", patient_id = "P1", grade = 2}]
*/
SELECT x._row_id,
       coalesce(x.grade NOT BETWEEN 1 AND 5, false) OR x.ctcae_term IS NULL OR x.grade IS NULL
           OR (x.grade = 5 AND d.death_cause IS DISTINCT FROM 'treatment') AS is_violated,
       CASE WHEN x.grade NOT BETWEEN 1 AND 5 OR (x.grade = 5 AND d.patient_id IS NULL)
            THEN 'error' ELSE 'warning' END AS severity
FROM screened.toxicity AS x LEFT JOIN screened.death AS d USING (patient_id)
