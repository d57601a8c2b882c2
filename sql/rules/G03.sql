/*
table = "patient"
scope = "registry"
severity = "error"
items = ["birth_date", "sex"]
inputs = ["curated.patient", "curated.death", "curated.primary_tumour", "previous.curated.patient", "previous.curated.death", "previous.curated.primary_tumour", "previous.quality.finding"]
message = "Birth, sex, death or diagnosis changed since the last release, and nobody had asked about it. Confirm the correction; if the patient number now means somebody else, correct the number."
category = "plausibility/temporal"
source = "P"
version = 2
[[passing]]
"curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-01-01, birth_date_lower = 1960-01-01, birth_date_upper = 1960-01-01, sex = "F"}]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-01-01, birth_date_lower = 1960-01-01, birth_date_upper = 1960-01-01, sex = "F"}]
[[passing]]
"curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-03-05, birth_date_lower = 1960-03-05, birth_date_upper = 1960-03-05, sex = "F"}]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-07-01, birth_date_precision = "year", birth_date_lower = 1960-01-01, birth_date_upper = 1960-12-31, sex = "F"}]
[[passing]]
"curated.death" = [{patient_id = "P1", facility_id = "x", death_date = 2020-01-01}]
"previous.curated.death" = [{patient_id = "P1", facility_id = "x", death_date = 2019-01-01}]
"previous.quality.finding" = [{finding_id = "F1", rule_id = "H03", facility_id = "x", table_name = "death", record_key = "P1", items = "death_date", status = "answered"}]
[[failing]]
"curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1961-01-01, sex = "F"}]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-01-01, sex = "F"}]
[[failing]]
"curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-01-01, sex = "U"}]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-01-01, sex = "F"}]
[[failing]]
"curated.death" = [{patient_id = "P1", facility_id = "x", death_date = 2020-01-01}]
"previous.curated.death" = [{patient_id = "P1", facility_id = "x", death_date = 2019-01-01}]
[[failing]]
"curated.primary_tumour" = [{tumour_id = "T1", patient_id = "P1", facility_id = "x", dx_date = 2015-01-01}]
"previous.curated.primary_tumour" = [{tumour_id = "T1", patient_id = "P1", facility_id = "x", dx_date = 2015-02-01}]
[[failing]]
_severity = "warning"
"curated.death" = [{patient_id = "P1", facility_id = "x", death_date = 2020-01-15, death_date_precision = "month", death_date_lower = 2020-01-01, death_date_upper = 2020-01-31}]
"previous.curated.death" = [{patient_id = "P1", facility_id = "x", death_date = 2020-01-09}]
[[failing]]
_severity = "warning"
"curated.patient" = [{patient_id = "P1", facility_id = "x", sex = "F"}]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-01-01, sex = "F"}]
[[failing]]
_severity = "warning"
"curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-07-01, birth_date_precision = "year", birth_date_lower = 1960-01-01, birth_date_upper = 1960-12-31, sex = "F"}]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-01-15, birth_date_precision = "month", birth_date_lower = 1960-01-01, birth_date_upper = 1960-01-31, sex = "F"}]
[[failing]]
"curated.death" = [{patient_id = "P1", facility_id = "x", death_date = 2020-01-01}]
"previous.curated.death" = [{patient_id = "P1", facility_id = "x", death_date = 2019-01-01}]
"previous.quality.finding" = [{finding_id = "F1", rule_id = "H03", facility_id = "x", table_name = "death", record_key = "P2", items = "death_date", status = "answered"}]
*/
WITH pair AS (
    SELECT 'patient' AS table_name, now.facility_id, now.patient_id AS record_key, 'birth_date' AS items,
           coalesce(now.birth_date_lower, now.birth_date) AS now_lower,
           coalesce(now.birth_date_upper, now.birth_date) AS now_upper,
           coalesce(old.birth_date_lower, old.birth_date) AS old_lower,
           coalesce(old.birth_date_upper, old.birth_date) AS old_upper, old.birth_date AS before
    FROM curated.patient AS now JOIN previous.curated.patient AS old USING (patient_id)
    UNION ALL
    SELECT 'death', now.facility_id, now.patient_id, 'death_date',
           coalesce(now.death_date_lower, now.death_date), coalesce(now.death_date_upper, now.death_date),
           coalesce(old.death_date_lower, old.death_date), coalesce(old.death_date_upper, old.death_date), old.death_date
    FROM curated.death AS now JOIN previous.curated.death AS old USING (patient_id)
    UNION ALL
    SELECT 'primary_tumour', now.facility_id, now.tumour_id, 'dx_date',
           coalesce(now.dx_date_lower, now.dx_date), coalesce(now.dx_date_upper, now.dx_date),
           coalesce(old.dx_date_lower, old.dx_date), coalesce(old.dx_date_upper, old.dx_date), old.dx_date
    FROM curated.primary_tumour AS now JOIN previous.curated.primary_tumour AS old USING (tumour_id)
),
judged AS (
    -- A date that became more exact within what was known has not changed; one that became vaguer perhaps has.
    SELECT table_name, facility_id, record_key, items,
           CASE WHEN before IS NULL THEN 'same' WHEN now_lower IS NULL THEN 'lost'
                WHEN now_lower > old_upper OR now_upper < old_lower THEN 'changed'
                WHEN now_lower >= old_lower AND now_upper <= old_upper THEN 'same' ELSE 'vaguer' END AS what,
           concat_ws(' ', 'before:', before) AS detail
    FROM pair
    UNION ALL
    SELECT 'patient', now.facility_id, now.patient_id, 'sex',
           CASE WHEN now.sex IS DISTINCT FROM old.sex AND old.sex <> 'U' THEN 'changed' ELSE 'same' END,
           concat_ws(' ', 'before:', old.sex)
    FROM curated.patient AS now JOIN previous.curated.patient AS old USING (patient_id)
),
asked AS (
    -- a finding of the last release on the same item is the reason of a change
    SELECT DISTINCT table_name, record_key, unnest(string_split(items, ',')) AS items
    FROM previous.quality.finding WHERE status NOT IN ('corrected', 'gone')
)
SELECT j.table_name, j.facility_id, j.record_key, j.items,
       j.what <> 'same' AND a.items IS NULL AS is_violated,
       CASE WHEN j.what = 'changed' THEN 'error' ELSE 'warning' END AS severity, j.detail
FROM judged AS j
LEFT JOIN asked AS a ON a.table_name = j.table_name AND a.record_key = j.record_key AND a.items = j.items
