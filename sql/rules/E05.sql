/*
table = "lrt_course"
severity = "info"
items = ["start_date"]
message = "Not eligible: the local therapy of the index episode starts outside the inclusion window ({window_start} to {window_end})."
category = "eligibility"
source = "A"
[[passing]]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", lrt_modality = "rt", start_date = 2015-05-01}]
[[failing]]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", lrt_modality = "rt", start_date = 2006-05-01}]
*/
SELECT c._row_id, c.start_date NOT BETWEEN $window_start AND $window_end AS is_violated
FROM screened.lrt_course AS c LEFT JOIN screened.omd_episode AS e USING (episode_id)
WHERE c.start_date IS NOT NULL AND c.lrt_modality IN ('rt', 'surgery', 'ablation')
  AND e.is_index IS DISTINCT FROM false
QUALIFY row_number() OVER (PARTITION BY c.episode_id ORDER BY c.start_date, c._row_id) = 1
