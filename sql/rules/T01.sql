/*
table = "lesion"
no_second_record = "it asks for records that are not there"
severity = "error"
items = ["is_treated", "not_treated_reason"]
message = "An index lesion has no local therapy and no reason for leaving it out, or is called untreated although a course names it. Link the course that treated it, or state why it was not treated."
category = "completeness"
source = "A,G"
version = 2
[[passing]]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", lesion_status = "index"}, {lesion_id = "L2", episode_id = "E1", patient_id = "P1", lesion_status = "index", is_treated = false, not_treated_reason = "patient declined"}]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", lrt_modality = "rt"}]
lrt_target = [{lrt_id = "C1", lesion_id = "L1", patient_id = "P1"}]
[[failing]]
lesion = [{lesion_id = "L2", episode_id = "E1", patient_id = "P1", lesion_status = "index"}]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", lrt_modality = "rt"}]
lrt_target = [{lrt_id = "C1", lesion_id = "L1", patient_id = "P1"}]
[[failing]]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", lesion_status = "index", is_treated = true}]
[[failing]]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", lesion_status = "index", is_treated = false, not_treated_reason = "patient declined"}]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", lrt_modality = "rt"}]
lrt_target = [{lrt_id = "C1", lesion_id = "L1", patient_id = "P1"}]
[[failing]]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", lesion_status = "index", is_treated = false}]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", lrt_modality = "rt"}]
[[passing]]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1"}, {lesion_id = "L2", episode_id = "E1", patient_id = "P1", lesion_status = "new"}]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", lrt_modality = "rt"}]
lrt_target = [{lrt_id = "C1", lesion_id = "L1", patient_id = "P1"}]
*/
WITH course AS (
    SELECT c.episode_id, bool_or(t.lesion_id IS NOT NULL) AS names_lesions
    FROM screened.lrt_course AS c LEFT JOIN screened.lrt_target AS t USING (lrt_id)
    WHERE c.lrt_modality IN ('rt', 'surgery', 'ablation') GROUP BY c.episode_id
),
named AS (
    SELECT DISTINCT t.lesion_id FROM screened.lrt_target AS t JOIN screened.lrt_course AS c USING (lrt_id)
    WHERE c.lrt_modality IN ('rt', 'surgery', 'ablation')
)
SELECT l._row_id,
       CASE WHEN l.is_treated IS NOT DISTINCT FROM false THEN l.not_treated_reason IS NULL OR n.lesion_id IS NOT NULL
            WHEN c.episode_id IS NULL THEN true
            ELSE c.names_lesions AND n.lesion_id IS NULL
       END AS is_violated
FROM screened.lesion AS l LEFT JOIN course AS c USING (episode_id) LEFT JOIN named AS n USING (lesion_id)
WHERE coalesce(l.lesion_status, 'index') = 'index' AND (l.is_treated OR c.episode_id IS NOT NULL)
