/*
sentence = "A course of therapy and its episode belong to the same patient"
inputs = ["curated.lrt_course", "curated.omd_episode"]
*/
SELECT
    count(*) FILTER (lrt_course.patient_id IS DISTINCT FROM omd_episode.patient_id) AS n_violated,
    count(*) AS n_denominator
FROM curated.lrt_course
LEFT JOIN curated.omd_episode USING (episode_id)
