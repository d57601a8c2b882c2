/*
table = "patient"
scope = "registry"
severity = "error"
items = ["birth_date", "sex"]
inputs = ["comparison.change", "comparison.record", "curated.patient", "curated.death", "curated.primary_tumour", "previous.curated.patient", "previous.curated.death", "previous.curated.primary_tumour", "previous.quality.finding"]
message = "Birth, sex, death or diagnosis changed since the last release, and nobody had asked about it. Confirm the correction; if the patient number now means somebody else, correct the number."
category = "plausibility/temporal"
source = "P"
version = 3
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
"curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-01-01, sex = "M"}]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-01-01, sex = "F"}]
[[failing]]
_severity = "warning"
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
WITH asked AS (
    -- an open finding of the last release on the same item is the reason of a change
    SELECT DISTINCT table_name, record_key, unnest(string_split(items, ',')) AS items
    FROM previous.quality.finding WHERE status IN ('open', 'sent', 'answered', 'reopened')
)
SELECT c.table_name, c.facility_id, c.record_key, c.patient_id, c.items, a.items IS NULL AS is_violated,
       CASE c.kind WHEN 'changed' THEN 'error' ELSE 'warning' END AS severity,
       concat_ws(' ', 'before:', c.old_value) AS detail, c.old_value, c.new_value, c.old_value AS suggestion
FROM comparison.change AS c LEFT JOIN asked AS a USING (table_name, record_key, items)
WHERE (c.table_name, c.items) IN (
    ('patient', 'birth_date'), ('patient', 'sex'), ('death', 'death_date'), ('primary_tumour', 'dx_date')
) AND c.kind IN ('changed', 'vaguer', 'blanked')
UNION ALL BY NAME
-- each record that is in both releases was looked at
SELECT table_name, facility_id, false AS is_violated, n AS n_judged FROM comparison.record
WHERE table_name IN ('patient', 'death', 'primary_tumour')
