/*
table = "cohort"
scope = "registry"
severity = "warning"
items = ["max_diameter_mm", "figo_stage"]
inputs = ["mart.cohort", "mart.lesion_growth", "curated.death"]
message = "A key field is less complete than agreed (size {size_percent} %, stage {stage_percent} %, date of death {death_percent} %, last negative CT {negative_ct_percent} %). Ask the facility for the missing values."
category = "completeness"
source = "D"
[thresholds]
size_percent = 95
stage_percent = 95
death_percent = 100
negative_ct_percent = 80
[[passing]]
"mart.cohort" = [{patient_id = "P1", facility_id = "x", max_diameter_mm = 12.0, figo_stage = "IB1"}]
[[failing]]
"mart.cohort" = [{patient_id = "P1", facility_id = "x", max_diameter_mm = 12.0}]
*/
WITH measured AS (
    SELECT facility_id, 'cohort' AS table_name, 'max_diameter_mm' AS items,
           100.0 * count(max_diameter_mm) / count(*) AS complete, $size_percent AS wanted
    FROM mart.cohort GROUP BY facility_id
    UNION ALL
    SELECT facility_id, 'cohort', 'figo_stage', 100.0 * count(figo_stage) / count(*), $stage_percent
    FROM mart.cohort GROUP BY facility_id
    UNION ALL
    SELECT facility_id, 'death', 'death_date', 100.0 * count(death_date) / count(*), $death_percent
    FROM curated.death GROUP BY facility_id
    UNION ALL
    SELECT c.facility_id, 'lesion_growth', 'days_since_negative_ct',
           100.0 * count(g.days_since_negative_ct) / count(*), $negative_ct_percent
    FROM mart.lesion_growth AS g JOIN mart.cohort AS c USING (patient_id) GROUP BY c.facility_id
)
SELECT facility_id, table_name, items, items AS record_key, complete < wanted AS is_violated,
       format('{:.1f} % complete, {} % agreed', complete, wanted) AS detail
FROM measured
