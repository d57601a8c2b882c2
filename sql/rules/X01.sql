/*
table = "toxicity"
judges = ["toxicity", "death"]
no_second_record = "the record is wrong by itself; others only say how it is judged"
severity = "error"
items = ["grade", "ctcae_term"]
message = "A toxicity carries a CTCAE v5 term and a grade from 1 to 5, and grade 5 means that the patient died of it. Correct the grade, write the term as CTCAE v5 does, or send the death with its cause."
category = "conformance/relational"
source = "P; CTCAE v5.0"
version = 2
[thresholds]
least_likeness = 0.85
[[passing]]
toxicity = [{toxicity_id = "X1", patient_id = "P1", ctcae_term = "Pneumonitis", grade = 5}]
death = [{patient_id = "P1", death_date = 2018-04-10, death_cause = "treatment"}]
[[failing]]
toxicity = [{toxicity_id = "X1", patient_id = "P1", ctcae_term = "Pneumonitis", grade = 6}]
[[failing]]
toxicity = [{toxicity_id = "X1", patient_id = "P1", ctcae_term = "Pneumonitis", grade = 5}]
[[failing]]
toxicity = [{toxicity_id = "X1", patient_id = "P1", grade = 2}]
[[failing]]
toxicity = [{toxicity_id = "X1", patient_id = "P1", ctcae_term = "Pneumonitis"}]
[[failing]]
toxicity = [{toxicity_id = "X1", patient_id = "P1", ctcae_term = "burning feeling", grade = 2}]
[[failing]]
toxicity = [{toxicity_id = "X1", patient_id = "P1", ctcae_term = "Pneumonitis", grade = 5}]
death = [{patient_id = "P1", death_date = 2018-04-10, death_cause = "cancer"}]
[[failing]]
_severity = "warning"
toxicity = [{toxicity_id = "X1", patient_id = "P1", ctcae_term = "Pneumonitis", grade = 5}]
death = [{patient_id = "P1", death_date = 2018-04-10, death_cause = "unk"}]
[[failing]]
_severity = "warning"
toxicity = [{toxicity_id = "X1", patient_id = "P1", ctcae_term = "Pneumonitis", grade = 3}]
death = [{patient_id = "P1", death_date = 2018-04-10, death_cause = "treatment"}]
[[passing]]
toxicity = [{toxicity_id = "X1", patient_id = "P1", ctcae_term = "  dermatitis RADIATION ", grade = 2}]
[[passing]]
toxicity = [{toxicity_id = "X1", patient_id = "P1", ctcae_term = "Pneumonitis", grade = 2}]
death = [{patient_id = "P1", death_date = 2018-04-10, death_cause = "cancer"}]
[[failing]]
_parameters = {least_likeness = 0.9818181818181818}
_told = {suggestion = "Pneumonitis"}
toxicity = [{toxicity_id = "X1", patient_id = "P1", ctcae_term = "pneumonits", grade = 2}]
*/
WITH term AS (SELECT unnest($ctcae_terms) AS term),
spelled AS (
    SELECT DISTINCT ctcae_term, lower(trim(ctcae_term)) AS plain FROM screened.toxicity WHERE ctcae_term IS NOT NULL
),
unknown AS (
    SELECT s.ctcae_term, arg_max(t.term, jaro_winkler_similarity(s.plain, lower(t.term))) AS nearest,
           max(jaro_winkler_similarity(s.plain, lower(t.term))) AS likeness
    FROM spelled AS s CROSS JOIN term AS t
    WHERE s.plain NOT IN (SELECT lower(term) FROM term)
    GROUP BY s.ctcae_term
),
fatal AS (SELECT DISTINCT patient_id FROM screened.toxicity WHERE grade = 5)
SELECT 'toxicity' AS table_name, x._row_id, 'grade,ctcae_term' AS items,
       coalesce(x.grade NOT BETWEEN 1 AND 5, true) OR x.ctcae_term IS NULL OR u.ctcae_term IS NOT NULL
           OR (x.grade = 5 AND d.death_cause IS DISTINCT FROM 'treatment') AS is_violated,
       -- a death whose cause nobody knows does not contradict grade 5
       CASE WHEN coalesce(x.grade NOT BETWEEN 1 AND 5, true) OR x.ctcae_term IS NULL OR u.ctcae_term IS NOT NULL
              OR (x.grade = 5 AND (d.patient_id IS NULL OR d.death_cause IN ('cancer', 'other')))
            THEN 'error' ELSE 'warning' END AS severity,
       CASE WHEN u.likeness >= $least_likeness THEN u.nearest END AS suggestion
FROM screened.toxicity AS x LEFT JOIN screened.death AS d USING (patient_id)
LEFT JOIN unknown AS u USING (ctcae_term)
UNION ALL BY NAME
-- Said of the death only as a query: whoever sends a grade 5 late must not lose the death.
SELECT 'death' AS table_name, d._row_id, 'death_cause' AS items, f.patient_id IS NULL AS is_violated, 'warning' AS severity
FROM screened.death AS d LEFT JOIN fatal AS f USING (patient_id)
WHERE d.death_cause = 'treatment'
  AND EXISTS (SELECT 1 FROM screened.toxicity AS x WHERE x.facility_id IS NOT DISTINCT FROM d.facility_id)
