/*
table = "omd_episode"
no_second_record = "it counts records of the patient"
severity = "warning"
items = ["n_lesions_stated"]
message = "The number of metastases stated is not that of the lesions sent. Send the missing lesions, remove the surplus ones, or correct the number."
category = "conformance/relational"
source = "A"
[[passing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", n_lesions_stated = 1}]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", lesion_site = "lung"}, {lesion_id = "L2", episode_id = "E1", patient_id = "P1", lesion_site = "paraaortic", lesion_status = "regional"}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", n_lesions_stated = 2}]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", lesion_site = "lung"}]
[[passing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", n_lesions_stated = 1}]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", lesion_site = "lung"}, {lesion_id = "L2", episode_id = "E1", patient_id = "P1", lesion_site = "lung", lesion_status = "new"}]
*/
SELECT e._row_id, any_value(e.n_lesions_stated) <> count(l.lesion_id) AS is_violated,
       format('{} stated, {} sent', any_value(e.n_lesions_stated), count(l.lesion_id)) AS detail,
       CAST(count(l.lesion_id) AS VARCHAR) AS suggestion
FROM screened.omd_episode AS e
JOIN screened.lesion AS l
  ON l.episode_id = e.episode_id AND coalesce(l.lesion_status, 'index') = 'index' AND l.lesion_site <> 'paraaortic'
WHERE e.n_lesions_stated IS NOT NULL
GROUP BY e._row_id
