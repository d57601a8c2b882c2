/*
table = "omd_episode"
no_second_record = "it counts records of the patient"
severity = "info"
items = ["n_lesions_stated"]
message = "Not eligible, or not countable: the study takes 1 to {omd_max_lesions} metastases, and the number stated must be that of the lesions sent. Check the number and the lesions."
category = "eligibility"
source = "A"
[[passing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", n_lesions_stated = 1}]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", lesion_site = "lung"}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", n_lesions_stated = 5}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", n_lesions_stated = 2}]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", lesion_site = "lung"}]
[[passing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", n_lesions_stated = 1}, {episode_id = "E2", patient_id = "P2", n_lesions_stated = 2}, {episode_id = "E3", patient_id = "P3"}]
lesion = [{lesion_id = "L1", episode_id = "E1", patient_id = "P1", lesion_site = "lung"}, {lesion_id = "L2", episode_id = "E1", patient_id = "P1", lesion_site = "lung", lesion_status = "new"}, {lesion_id = "L3", episode_id = "E1", patient_id = "P1", lesion_site = "paraaortic"}]
_judged = 2
*/
WITH counted AS (
    SELECT e._row_id, e.n_lesions_stated,
           count(l.lesion_id) FILTER (
               WHERE coalesce(l.lesion_status, 'index') = 'index' AND l.lesion_site <> 'paraaortic'
           ) AS n_sent
    FROM screened.omd_episode AS e LEFT JOIN screened.lesion AS l USING (episode_id)
    GROUP BY e._row_id, e.n_lesions_stated
)
SELECT _row_id,
       coalesce(nullif(n_sent, 0), n_lesions_stated) NOT BETWEEN 1 AND $omd_max_lesions
           OR (n_sent > 0 AND coalesce(n_lesions_stated, n_sent) <> n_sent) AS is_violated,
       format('{} stated, {} sent', coalesce(CAST(n_lesions_stated AS VARCHAR), 'none'), n_sent) AS detail
FROM counted
