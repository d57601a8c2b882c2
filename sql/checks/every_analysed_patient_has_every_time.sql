/*
sentence = "Every patient of the cohort has every endpoint from the start of therapy and from diagnosis of the episode"
inputs = ["mart.cohort", "mart.survival_time"]
parameters = ["n_times"]
*/
WITH counted AS (
    SELECT cohort.patient_id, count(survival_time.endpoint) AS n_times
    FROM mart.cohort
    LEFT JOIN mart.survival_time
        ON survival_time.patient_id = cohort.patient_id AND survival_time.origin <> 'primary_dx'
    GROUP BY cohort.patient_id
)

SELECT count(*) FILTER (n_times <> $n_times) AS n_violated, count(*) AS n_denominator
FROM counted
