/*
sentence = "The flow starts with all curated and quarantined patients, loses at each step what it says, and ends with the cohort"
inputs = ["mart.attrition", "mart.cohort", "mart.exclusion", "curated.patient"]
*/
WITH on_record AS (
    SELECT patient_id FROM curated.patient
    UNION
    SELECT patient_id FROM mart.exclusion
),

flow AS (
    SELECT
        *,
        lag(n_after, 1, (SELECT count(*) FROM on_record)) OVER (ORDER BY step) AS n_expected,
        step = max(step) OVER () AS is_last
    FROM mart.attrition
)

SELECT
    count(*) FILTER (
        n_before <> n_expected
        OR n_after <> n_before - n_excluded
        OR least(n_before, n_excluded, n_after) < 0
        OR (is_last AND n_after <> (SELECT count(*) FROM mart.cohort))
    ) AS n_violated,
    count(*) AS n_denominator
FROM flow
