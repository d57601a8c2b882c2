/*
grain = "One row per part of a published number, beside what these data give."
inputs = ["result.scorecard"]
*/
SELECT *
FROM result.scorecard
ORDER BY item, part
