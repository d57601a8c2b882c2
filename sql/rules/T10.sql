/*
table = "lrt_course"
severity = "warning"
items = ["is_reirradiation"]
message = "An earlier radiotherapy course treated the same lesion less than {maximum_months} months before, and this one is not marked as re-irradiation. Set the mark, or correct the lesion."
category = "conformance/relational"
source = "P"
suggestion = "true"
[thresholds]
maximum_months = 24
[[passing]]
lrt_course = [{lrt_id = "C1", patient_id = "P1", lrt_modality = "rt", start_date = 2017-05-01}, {lrt_id = "C2", patient_id = "P1", lrt_modality = "rt", start_date = 2018-05-01, is_reirradiation = true}]
lrt_target = [{lrt_id = "C1", lesion_id = "L1"}, {lrt_id = "C2", lesion_id = "L1"}]
[[failing]]
lrt_course = [{lrt_id = "C1", patient_id = "P1", lrt_modality = "rt", start_date = 2017-05-01}, {lrt_id = "C2", patient_id = "P1", lrt_modality = "rt", start_date = 2018-05-01}]
lrt_target = [{lrt_id = "C1", lesion_id = "L1"}, {lrt_id = "C2", lesion_id = "L1"}]
*/
WITH course AS (
    SELECT c._row_id, c.lrt_id, c.start_date, c.is_reirradiation, t.lesion_id
    FROM screened.lrt_course AS c JOIN screened.lrt_target AS t USING (lrt_id)
    WHERE c.lrt_modality = 'rt' AND c.start_date IS NOT NULL
)
SELECT later._row_id,
       bool_or(coalesce(earlier.start_date > later.start_date - to_months(CAST($maximum_months AS INTEGER)), false)
               AND later.is_reirradiation IS DISTINCT FROM true) AS is_violated
FROM course AS later
LEFT JOIN course AS earlier
  ON earlier.lesion_id = later.lesion_id AND earlier.lrt_id <> later.lrt_id AND earlier.start_date < later.start_date
GROUP BY later._row_id
