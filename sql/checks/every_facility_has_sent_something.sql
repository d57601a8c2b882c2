/*
sentence = "Every curated patient and every row account is of a facility that sent something"
inputs = ["meta.submission", "curated.patient", "quality.row_account"]
*/
WITH named AS (
    SELECT facility_id FROM curated.patient
    UNION ALL
    SELECT facility_id FROM quality.row_account
)

SELECT
    count(*) FILTER (facility_id NOT IN (SELECT facility_id FROM meta.submission)) AS n_violated,
    count(*) AS n_denominator
FROM named
