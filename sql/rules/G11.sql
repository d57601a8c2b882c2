/*
table = "primary_tumour"
scope = "registry"
severity = "warning"
items = ["tumour_id"]
inputs = ["comparison.change", "comparison.record", "previous.curated.patient", "previous.quality.finding"]
message = "'{column}' had a value in the last release and has none now, or one that means unknown, and nobody had asked about it. Send the value again, or confirm that it was wrong."
category = "completeness"
source = "P"
[[passing]]
"curated.death" = [{patient_id = "P1", facility_id = "x", death_cause = "cancer"}]
"previous.curated.death" = [{patient_id = "P1", facility_id = "x", death_cause = "cancer"}]
[[passing]]
"curated.death" = [{patient_id = "P1", facility_id = "x"}]
"previous.curated.death" = [{patient_id = "P1", facility_id = "x", death_cause = "unk"}]
[[failing]]
_told = {old_value = "cancer", new_value = ""}
"curated.death" = [{patient_id = "P1", facility_id = "x"}]
"previous.curated.death" = [{patient_id = "P1", facility_id = "x", death_cause = "cancer"}]
[[failing]]
_told = {old_value = "cancer", new_value = "unk", suggestion = "cancer"}
"curated.death" = [{patient_id = "P1", facility_id = "x", death_cause = "unk"}]
"previous.curated.death" = [{patient_id = "P1", facility_id = "x", death_cause = "cancer"}]
[[failing]]
"curated.lrt_course" = [{lrt_id = "R1", patient_id = "P1", facility_id = "x", start_date = 2020-01-01}]
"previous.curated.lrt_course" = [{lrt_id = "R1", patient_id = "P1", facility_id = "x", start_date = 2020-01-01, end_date = 2020-01-09}]
*/
WITH asked AS (
    -- a finding of the last release on the same item is the reason of a change
    SELECT DISTINCT table_name, record_key, unnest(string_split(items, ',')) AS items
    FROM previous.quality.finding WHERE status NOT IN ('closed', 'corrected', 'gone')
)
SELECT c.table_name, c.facility_id, c.record_key, c.patient_id, c.items, a.items IS NULL AS is_violated,
       'before: ' || c.old_value AS detail, c.old_value, c.new_value, c.old_value AS suggestion
FROM comparison.change AS c LEFT JOIN asked AS a USING (table_name, record_key, items)
WHERE c.kind = 'blanked' AND (c.table_name, c.items) NOT IN (
    ('patient', 'birth_date'), ('patient', 'sex'), ('death', 'death_date'), ('primary_tumour', 'dx_date')
)
UNION ALL BY NAME
SELECT table_name, facility_id, false AS is_violated, n AS n_judged FROM comparison.record
