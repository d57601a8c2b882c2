/*
sentence = "Each analysed patient has as many lesions in the growth table as the cohort counts"
inputs = ["mart.cohort", "mart.lesion_growth"]
*/
WITH counted AS (
    SELECT patient_id, count(*) AS n_listed FROM mart.lesion_growth GROUP BY patient_id
)

SELECT
    count(*) FILTER (cohort.n_lesions IS DISTINCT FROM counted.n_listed) AS n_violated,
    count(*) AS n_denominator
FROM mart.cohort
FULL JOIN counted USING (patient_id)
