/*
sentence = "Survival and incidence lie between 0 and 1, inside their intervals"
inputs = ["result.km_curve", "result.km_landmark", "result.cumulative_incidence"]
*/
WITH estimate AS (
    SELECT survival AS probability, ci_lower, ci_upper FROM result.km_curve
    UNION ALL
    SELECT survival, ci_lower, ci_upper FROM result.km_landmark
    UNION ALL
    SELECT incidence, ci_lower, ci_upper FROM result.cumulative_incidence
)

-- 1e-9: what rounding may cost, far below any printed digit.
SELECT
    count(*) FILTER (
        probability NOT BETWEEN -1e-9 AND 1 + 1e-9
        OR ci_lower > probability + 1e-9
        OR ci_upper < probability - 1e-9
    ) AS n_violated,
    count(*) AS n_denominator
FROM estimate
