/*
sentence = "A lesion is used by the growth models or has a reason for not being used"
inputs = ["mart.lesion_growth"]
*/
SELECT
    count(*) FILTER (
        is_included <> (exclusion_reason IS NULL)
        OR (is_included AND (diameter_mm IS NULL OR coalesce(days_since_negative_ct, 0) <= 0))
    ) AS n_violated,
    count(*) AS n_denominator
FROM mart.lesion_growth
