/*
table = "lrt_course"
no_second_record = "the record is wrong by itself; others only say how it is judged"
severity = "info"
items = ["start_date"]
message = "Not eligible: the index episode lies outside the inclusion window ({window_start} to {window_end}; the date that counts: {window_date})."
category = "eligibility"
source = "A"
version = 2
[[passing]]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", lrt_modality = "rt", start_date = 2015-05-01}]
[[failing]]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", lrt_modality = "rt", start_date = 2006-05-01}]
[[failing]]
_parameters = {window_date = "omd_dx"}
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2006-12-30}]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", lrt_modality = "rt", start_date = 2007-02-01}]
[[passing]]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", lrt_modality = "rt", start_date = 2015-05-01}, {lrt_id = "C2", episode_id = "E2", patient_id = "P2", lrt_modality = "systemic", start_date = 2005-05-01}]
*/
SELECT c._row_id,
       CASE WHEN $window_date = 'omd_dx' THEN e.omd_dx_date ELSE c.start_date END NOT BETWEEN $window_start AND $window_end AS is_violated
FROM screened.lrt_course AS c LEFT JOIN screened.omd_episode AS e USING (episode_id)
WHERE c.start_date IS NOT NULL AND c.lrt_modality IN ('rt', 'surgery', 'ablation')
  AND e.is_index IS DISTINCT FROM false
-- courses of which nobody says the episode are no courses of one
QUALIFY row_number() OVER (
    PARTITION BY c.episode_id, CASE WHEN c.episode_id IS NULL THEN c._row_id END ORDER BY c.start_date, c._row_id
) = 1
