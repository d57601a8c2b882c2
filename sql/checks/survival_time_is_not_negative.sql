/*
sentence = "No time to an event is negative (G01)"
inputs = ["mart.survival_time", "mart.recurrence"]
*/
SELECT
    count(*) FILTER (days < 0) AS n_violated,
    count(*) AS n_denominator
FROM (
    SELECT duration_days AS days FROM mart.survival_time
    UNION ALL
    SELECT days_since_lrt FROM mart.recurrence
)
