/*
grain = "one row per region of residence that the database holds"
inputs = ["curated.patient"]
*/
SELECT
    CAST(row_number() OVER (ORDER BY residence_region) AS INTEGER) AS location_id,
    left(residence_region, 50) AS location_source_value,
    residence_region AS registry_id
FROM (SELECT DISTINCT residence_region FROM curated.patient WHERE residence_region IS NOT NULL)
