/*
table = "cohort"
scope = "registry"
severity = "warning"
items = ["max_diameter_mm", "figo_stage"]
inputs = ["mart.cohort", "mart.lesion_growth", "curated.death"]
optional = ["previous.mart.cohort", "previous.mart.lesion_growth", "previous.curated.death"]
message = "'{column}' is less complete than agreed (size {size_percent} %, stage {stage_percent} %, date of death {death_percent} %, last negative CT {negative_ct_percent} %), or fell by more than {drop_points} points since the last release. Ask the facility for the missing values."
category = "completeness"
source = "D"
version = 2
[thresholds]
# size and stage: the published cutpoint and stage effects rest on them, 5 % missing is what complete-case analysis bears
size_percent = 95
stage_percent = 95
# every death needs its date: survival cannot be computed without
death_percent = 100
# the growth analysis uses lesions with an earlier negative CT only; one in five may come without
negative_ct_percent = 80
# a fall that two records of a hundred cannot explain
drop_points = 5
minimum_records = 20
[[passing]]
"mart.cohort" = [{patient_id = "P1", facility_id = "x", max_diameter_mm = 12.0, figo_stage = "IB1"}]
[[failing]]
"mart.cohort" = [{patient_id = "P1", facility_id = "x", max_diameter_mm = 12.0}]
[[failing]]
"mart.cohort" = [{patient_id = "P1", facility_id = "x", figo_stage = "IB1"}]
[[failing]]
"curated.death" = [{patient_id = "P1", facility_id = "x"}]
[[failing]]
"mart.cohort" = [{patient_id = "P1", facility_id = "x", max_diameter_mm = 12.0, figo_stage = "IB1"}]
"mart.lesion_growth" = [{lesion_id = "L1", patient_id = "P1"}]
[[failing]]
_parameters = {stage_percent = 10}
"mart.cohort" = [{patient_id = "P1", facility_id = "x", max_diameter_mm = 12.0, figo_stage = "IB1"}]
"previous.mart.cohort" = [{patient_id = "P1", facility_id = "x", max_diameter_mm = 12.0, figo_stage = "IB1"}]
_repeat = [{ table = "mart.cohort", times = 6, also = [{facility_id = "x", max_diameter_mm = 12.0}, {facility_id = "x", max_diameter_mm = 9.0, figo_stage = "IB1"}, {facility_id = "x", max_diameter_mm = 9.0, figo_stage = "IB1"}, {facility_id = "x", max_diameter_mm = 9.0, figo_stage = "IB1"}] }, { table = "previous.mart.cohort", times = 24, also = [{facility_id = "x", max_diameter_mm = 9.0, figo_stage = "IB1"}] }]
[[passing]]
"curated.death" = [{patient_id = "P1", facility_id = "x", death_date = 2020-01-01}]
[[passing]]
"mart.cohort" = [{facility_id = "x", figo_stage = "IB1"}]
_repeat = [{ table = "mart.cohort", times = 19, also = [{facility_id = "x", max_diameter_mm = 9.0, figo_stage = "IB1"}] }, { table = "previous.mart.cohort", times = 20, also = [{facility_id = "x", max_diameter_mm = 9.0, figo_stage = "IB1"}] }]
"previous.mart.cohort" = []
[[failing]]
_parameters = {size_percent = 10}
"mart.cohort" = [{facility_id = "x", figo_stage = "IB1"}, {facility_id = "x", figo_stage = "IB1"}]
_repeat = [{ table = "mart.cohort", times = 18, also = [{facility_id = "x", max_diameter_mm = 9.0, figo_stage = "IB1"}] }, { table = "previous.mart.cohort", times = 20, also = [{facility_id = "x", max_diameter_mm = 9.0, figo_stage = "IB1"}] }]
"previous.mart.cohort" = []
[[failing]]
_parameters = {death_percent = 10}
"curated.death" = [{facility_id = "x"}, {facility_id = "x"}]
_repeat = [{ table = "curated.death", times = 18, also = [{facility_id = "x", death_date = 2020-01-01}] }, { table = "previous.curated.death", times = 20, also = [{facility_id = "x", death_date = 2020-01-01}] }]
"previous.curated.death" = []
[[failing]]
_parameters = {negative_ct_percent = 10}
"mart.cohort" = [{patient_id = "P1", facility_id = "x", max_diameter_mm = 12.0, figo_stage = "IB1"}]
"previous.mart.cohort" = [{patient_id = "P1", facility_id = "x", max_diameter_mm = 12.0, figo_stage = "IB1"}]
"mart.lesion_growth" = [{patient_id = "P1"}, {patient_id = "P1"}]
"previous.mart.lesion_growth" = []
_repeat = [{ table = "mart.lesion_growth", times = 18, also = [{patient_id = "P1", days_since_negative_ct = 90}] }, { table = "previous.mart.lesion_growth", times = 20, also = [{patient_id = "P1", days_since_negative_ct = 90}] }]
*/
WITH value AS (
    SELECT true AS is_now, facility_id, 'cohort' AS table_name, 'max_diameter_mm' AS items,
           max_diameter_mm IS NOT NULL AS is_given, $size_percent AS wanted
    FROM mart.cohort
    UNION ALL SELECT true, facility_id, 'cohort', 'figo_stage', figo_stage IS NOT NULL, $stage_percent FROM mart.cohort
    UNION ALL SELECT true, facility_id, 'death', 'death_date', death_date IS NOT NULL, $death_percent FROM curated.death
    UNION ALL
    SELECT true, c.facility_id, 'lesion_growth', 'days_since_negative_ct', g.days_since_negative_ct IS NOT NULL,
           $negative_ct_percent
    FROM mart.lesion_growth AS g JOIN mart.cohort AS c USING (patient_id)
    UNION ALL
    SELECT false, facility_id, 'cohort', 'max_diameter_mm', max_diameter_mm IS NOT NULL, 0 FROM previous.mart.cohort
    UNION ALL SELECT false, facility_id, 'cohort', 'figo_stage', figo_stage IS NOT NULL, 0 FROM previous.mart.cohort
    UNION ALL SELECT false, facility_id, 'death', 'death_date', death_date IS NOT NULL, 0 FROM previous.curated.death
    UNION ALL
    SELECT false, c.facility_id, 'lesion_growth', 'days_since_negative_ct', g.days_since_negative_ct IS NOT NULL, 0
    FROM previous.mart.lesion_growth AS g JOIN previous.mart.cohort AS c USING (patient_id)
),
measured AS (
    SELECT facility_id, table_name, items, max(wanted) AS wanted,
           count(*) FILTER (WHERE is_now) AS n, count(*) FILTER (WHERE NOT is_now) AS n_before,
           100.0 * count(*) FILTER (WHERE is_now AND is_given) / nullif(count(*) FILTER (WHERE is_now), 0) AS complete,
           100.0 * count(*) FILTER (WHERE NOT is_now AND is_given)
               / nullif(count(*) FILTER (WHERE NOT is_now), 0) AS complete_before
    FROM value GROUP BY facility_id, table_name, items
)
SELECT facility_id, table_name, items, items AS record_key,
       complete < wanted
           OR (least(n, n_before) >= $minimum_records AND coalesce(complete < complete_before - $drop_points, false))
           AS is_violated,
       format('{:.1f} % complete, {} % agreed', complete, wanted)
           || coalesce(format(', {:.1f} % in the last release', complete_before), '') AS detail
FROM measured
