/*
sentence = "Each step of the flow counts the patients who are listed with it"
inputs = ["mart.attrition", "mart.exclusion"]
*/
WITH listed AS (
    SELECT step, count(*) AS n_listed FROM mart.exclusion GROUP BY step
)

SELECT
    count(*) FILTER (coalesce(n_excluded, 0) <> coalesce(n_listed, 0)) AS n_violated,
    count(*) AS n_denominator
FROM mart.attrition
FULL JOIN listed USING (step)
