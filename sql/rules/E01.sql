/*
table = "omd_episode"
no_second_record = "it counts records of the patient"
severity = "error"
items = ["is_index"]
message = "A patient with several episodes of oligometastatic disease needs exactly one that is marked as the index episode. Mark the episode whose local therapy the study analyses, and only that one."
category = "conformance/relational"
source = "A"
[[passing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", is_index = true}, {episode_id = "E2", patient_id = "P1", is_index = false}]
[[passing]]
omd_episode = [{episode_id = "E1", patient_id = "P1"}]
[[failing]]
_rows = 2
omd_episode = [{episode_id = "E1", patient_id = "P1", is_index = true}, {episode_id = "E2", patient_id = "P1", is_index = true}]
[[failing]]
_rows = 2
omd_episode = [{episode_id = "E1", patient_id = "P1", is_index = false}, {episode_id = "E2", patient_id = "P1"}]
*/
WITH marked AS (
    SELECT _row_id, coalesce(is_index, false) AS is_index,
           count(*) FILTER (WHERE is_index) OVER (PARTITION BY patient_id) AS n_index,
           count(*) OVER (PARTITION BY patient_id) AS n_episodes
    FROM screened.omd_episode WHERE patient_id IS NOT NULL
)
SELECT _row_id,
       (n_index > 1 AND is_index) OR (n_index = 0 AND n_episodes > 1) AS is_violated,
       format('{} of {} episodes are marked', n_index, n_episodes) AS detail
FROM marked
