/*
sentence = "A lesion and its episode belong to the same patient"
inputs = ["curated.lesion", "curated.omd_episode"]
*/
SELECT
    count(*) FILTER (lesion.patient_id IS DISTINCT FROM omd_episode.patient_id) AS n_violated,
    count(*) AS n_denominator
FROM curated.lesion
LEFT JOIN curated.omd_episode USING (episode_id)
