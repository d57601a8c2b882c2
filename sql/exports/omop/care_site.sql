/*
grain = "one row per facility"
inputs = ["curated.patient"]
*/
SELECT
    CAST(row_number() OVER (ORDER BY facility_id) AS INTEGER) AS care_site_id,
    left(facility_id, 50) AS care_site_source_value,
    facility_id AS registry_id
FROM (SELECT DISTINCT facility_id FROM curated.patient)
