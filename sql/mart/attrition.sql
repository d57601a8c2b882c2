/*
grain = "one row per step of the eligibility flow, from all patients on record to the cohort"
inputs = ["mart.eligibility_step", "mart.exclusion", "curated.patient"]
parameters = []
*/
WITH left_at AS (
    SELECT step, count(*) AS n_excluded FROM mart.exclusion GROUP BY step
),

flow AS (
    SELECT
        step,
        rule_id,
        reason,
        coalesce(n_excluded, 0) AS n_excluded,
        (SELECT count(*) FROM curated.patient) + (SELECT count(*) FROM mart.exclusion WHERE step = 0)
        - sum(coalesce(n_excluded, 0)) OVER (ORDER BY step) AS n_after
    FROM mart.eligibility_step
    LEFT JOIN left_at USING (step)
)

SELECT step, rule_id, reason, n_after + n_excluded AS n_before, n_excluded, n_after
FROM flow
