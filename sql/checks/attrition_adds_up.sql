/*
sentence = "The flow starts with all curated patients, loses at each step what it says, and ends with the cohort"
inputs = ["mart.attrition", "mart.cohort", "curated.patient"]
*/
WITH flow AS (
    SELECT
        *,
        lag(n_after, 1, (SELECT count(*) FROM curated.patient)) OVER (ORDER BY step) AS n_expected,
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
