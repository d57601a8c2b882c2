/*
sentence = "Every curated patient is in the cohort or has one primary reason for not being in it"
inputs = ["curated.patient", "mart.cohort", "mart.exclusion"]
*/
WITH placed AS (
    SELECT patient_id FROM mart.cohort
    UNION ALL
    SELECT patient_id FROM mart.exclusion WHERE step > 0
),

counted AS (
    SELECT patient_id, count(placed.patient_id) AS n_places
    FROM curated.patient
    FULL JOIN placed USING (patient_id)
    GROUP BY patient_id
)

SELECT
    -- Step 0 holds those who are not curated; nobody else may be on no list or on two.
    count(*) FILTER (n_places <> 1 OR patient_id NOT IN (SELECT patient_id FROM curated.patient)) AS n_violated,
    count(*) AS n_denominator
FROM counted
