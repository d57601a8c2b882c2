/*
sentence = "A time ends by the event, by a competing event or by censoring, and says which (G02)"
inputs = ["mart.survival_time"]
*/
SELECT
    count(*) FILTER (
        CASE event
            WHEN 1 THEN censor_reason IS DISTINCT FROM 'event'
            WHEN 2 THEN censor_reason IS DISTINCT FROM 'competing'
            ELSE coalesce(censor_reason NOT IN ('last_contact', 'last_assessment'), true)
        END
    ) AS n_violated,
    count(*) AS n_denominator
FROM mart.survival_time
