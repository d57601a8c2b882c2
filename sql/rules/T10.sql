/*
table = "lrt_course"
severity = "warning"
items = ["is_reirradiation"]
message = "An earlier radiotherapy course treated the same lesion, or the same nodal region and side, less than {maximum_months} months before, and this one is not marked as re-irradiation. Set the mark, or correct the lesion."
category = "conformance/relational"
source = "P"
version = 2
suggestion = "true"
[thresholds]
maximum_months = 24
[[passing]]
lrt_course = [{lrt_id = "C1", patient_id = "P1", lrt_modality = "rt", start_date = 2017-05-01}, {lrt_id = "C2", patient_id = "P1", lrt_modality = "rt", start_date = 2018-05-01, is_reirradiation = true}]
lrt_target = [{lrt_id = "C1", lesion_id = "L1"}, {lrt_id = "C2", lesion_id = "L1"}]
[[failing]]
lrt_course = [{lrt_id = "C1", patient_id = "P1", lrt_modality = "rt", start_date = 2017-05-01}, {lrt_id = "C2", patient_id = "P1", lrt_modality = "rt", start_date = 2018-05-01}]
lrt_target = [{lrt_id = "C1", lesion_id = "L1"}, {lrt_id = "C2", lesion_id = "L1"}]
[[failing]]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "scf", laterality = "L"}, {lesion_id = "L2", patient_id = "P1", lesion_site = "scf", laterality = "L"}]
lrt_course = [{lrt_id = "C1", patient_id = "P1", lrt_modality = "rt", start_date = 2017-05-01}, {lrt_id = "C2", patient_id = "P1", lrt_modality = "rt", start_date = 2018-05-01}]
lrt_target = [{lrt_id = "C1", lesion_id = "L1"}, {lrt_id = "C2", lesion_id = "L2"}]
[[passing]]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "lung", laterality = "L"}, {lesion_id = "L2", patient_id = "P1", lesion_site = "lung", laterality = "L"}, {lesion_id = "L3", patient_id = "P1", lesion_site = "scf", laterality = "L"}, {lesion_id = "L4", patient_id = "P1", lesion_site = "scf", laterality = "R"}]
lrt_course = [{lrt_id = "C1", patient_id = "P1", lrt_modality = "rt", start_date = 2017-05-01}, {lrt_id = "C2", patient_id = "P1", lrt_modality = "rt", start_date = 2018-05-01}]
lrt_target = [{lrt_id = "C1", lesion_id = "L1"}, {lrt_id = "C1", lesion_id = "L3"}, {lrt_id = "C2", lesion_id = "L2"}, {lrt_id = "C2", lesion_id = "L4"}]
[[passing]]
lrt_course = [{lrt_id = "C1", patient_id = "P1", lrt_modality = "rt", start_date = 2014-05-01}, {lrt_id = "C2", patient_id = "P1", lrt_modality = "rt", start_date = 2018-05-01}]
lrt_target = [{lrt_id = "C1", lesion_id = "L1"}, {lrt_id = "C2", lesion_id = "L1"}]
[[passing]]
lrt_course = [{lrt_id = "C1", patient_id = "P1", lrt_modality = "surgery", start_date = 2017-05-01}, {lrt_id = "C2", patient_id = "P1", lrt_modality = "rt", start_date = 2018-05-01}, {lrt_id = "C3", patient_id = "P2", lrt_modality = "rt", start_date = 2016-05-01}, {lrt_id = "C4", patient_id = "P2", lrt_modality = "rt", start_date = 2018-05-01}, {lrt_id = "C5", patient_id = "P3", lrt_modality = "rt", start_date = 2018-05-01}, {lrt_id = "C6", patient_id = "P3", lrt_modality = "rt", start_date = 2018-05-01}]
lrt_target = [{lrt_id = "C1", lesion_id = "L1"}, {lrt_id = "C2", lesion_id = "L1"}, {lrt_id = "C3", lesion_id = "L2"}, {lrt_id = "C4", lesion_id = "L2"}, {lrt_id = "C5", lesion_id = "L3"}, {lrt_id = "C6", lesion_id = "L3"}]
*/
WITH course AS (
    -- Fields are not sent. The same nodal region and side is the same field; a lung or a liver is too large for that.
    SELECT c._row_id, c.lrt_id, c.patient_id, c.start_date_lower, c.start_date_upper, c.is_reirradiation, t.lesion_id,
           CASE WHEN l.lesion_site IN ('scf', 'mediastinal_ln', 'paraaortic')
                THEN concat_ws(' ', l.lesion_site, coalesce(l.laterality, '?')) END AS region
    FROM screened.lrt_course AS c JOIN screened.lrt_target AS t USING (lrt_id)
    LEFT JOIN screened.lesion AS l USING (lesion_id)
    WHERE c.lrt_modality = 'rt' AND c.start_date IS NOT NULL
)
SELECT later._row_id,
       max(earlier._row_id)
           FILTER (WHERE earlier.start_date_lower > later.start_date_upper - to_months(CAST($maximum_months AS INTEGER))
                   -- not a condition of the join: with OR in it every row is compared with every other
                   AND (earlier.lesion_id = later.lesion_id OR earlier.region = later.region)
                   AND later.is_reirradiation IS DISTINCT FROM true) AS other_row_id,
       other_row_id IS NOT NULL AS is_violated
FROM course AS later
LEFT JOIN course AS earlier
  ON earlier.patient_id = later.patient_id AND earlier.lrt_id <> later.lrt_id
 AND earlier.start_date_upper < later.start_date_lower
GROUP BY later._row_id
