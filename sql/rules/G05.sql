/*
table = "primary_tumour"
scope = "registry"
severity = "warning"
items = ["figo_stage"]
inputs = ["comparison.change", "comparison.record", "curated.followup", "previous.curated.followup", "previous.quality.finding"]
message = "'{column}' was rewritten since the last release, or the last contact went backwards, and nobody had asked about it. Confirm the correction."
category = "plausibility/temporal"
source = "P"
version = 3
[[passing]]
"curated.primary_tumour" = [{tumour_id = "T1", patient_id = "P1", facility_id = "x", figo_stage = "IB1"}]
"previous.curated.primary_tumour" = [{tumour_id = "T1", patient_id = "P1", facility_id = "x", figo_stage = "IB1"}]
[[failing]]
"curated.primary_tumour" = [{tumour_id = "T1", patient_id = "P1", facility_id = "x", figo_stage = "IB1"}]
"previous.curated.primary_tumour" = [{tumour_id = "T1", patient_id = "P1", facility_id = "x", figo_stage = "IVB"}]
[[failing]]
"curated.followup" = [{followup_id = "F1", patient_id = "P1", facility_id = "x", contact_date = 2019-01-01}]
"previous.curated.followup" = [{followup_id = "F1", patient_id = "P1", facility_id = "x", contact_date = 2020-01-01}]
[[failing]]
"curated.measurement" = [{measurement_id = "M1", patient_id = "P1", facility_id = "x", long_axis_mm = 21.0}]
"previous.curated.measurement" = [{measurement_id = "M1", patient_id = "P1", facility_id = "x", long_axis_mm = 12.0}]
[[failing]]
"curated.measurement" = [{measurement_id = "M1", patient_id = "P1", facility_id = "x", short_axis_mm = 9.0}]
"previous.curated.measurement" = [{measurement_id = "M1", patient_id = "P1", facility_id = "x", short_axis_mm = 12.0}]
[[passing]]
"curated.followup" = [{followup_id = "F1", patient_id = "P1", facility_id = "x", contact_date = 2020-01-04, contact_date_upper = 2020-01-04}]
"previous.curated.followup" = [{followup_id = "F1", patient_id = "P1", facility_id = "x", contact_date = 2020-07-01, contact_date_lower = 2020-01-01, contact_date_upper = 2020-12-31}]
[[passing]]
"curated.followup" = [{followup_id = "F1", patient_id = "P1", facility_id = "x", contact_date = 2019-01-01}]
"previous.curated.followup" = [{followup_id = "F1", patient_id = "P1", facility_id = "x", contact_date = 2019-01-01}]
[[failing]]
_told = {old_value = "cancer", new_value = "other", suggestion = "cancer"}
"curated.death" = [{patient_id = "P1", facility_id = "x", death_cause = "other"}]
"previous.curated.death" = [{patient_id = "P1", facility_id = "x", death_cause = "cancer"}]
[[failing]]
"curated.patient" = [{patient_id = "P1", facility_id = "x", has_consent = false}]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x", has_consent = true}]
[[failing]]
"curated.primary_tumour" = [{tumour_id = "T1", patient_id = "P1", facility_id = "x", histology_group = "adeno", grade_code = "2"}]
"previous.curated.primary_tumour" = [{tumour_id = "T1", patient_id = "P1", facility_id = "x", histology_group = "scc", grade_code = "2"}]
[[passing]]
"curated.primary_tumour" = [{tumour_id = "T1", patient_id = "P1", facility_id = "x", grade_code = "2"}]
"previous.curated.primary_tumour" = [{tumour_id = "T1", patient_id = "P1", facility_id = "x"}]
[[failing]]
_told = {old_value = "2020-01-01", new_value = "", suggestion = "2020-01-01"}
"curated.patient" = [{patient_id = "P1", facility_id = "x"}]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x"}]
"previous.curated.followup" = [{followup_id = "F1", patient_id = "P1", facility_id = "x", contact_date = 2020-01-01}]
*/
WITH asked AS (
    -- an open finding of the last release on the same item is the reason of a change
    SELECT DISTINCT table_name, record_key, unnest(string_split(items, ',')) AS items
    FROM previous.quality.finding WHERE status IN ('open', 'sent', 'answered', 'reopened')
),
last_contact AS (
    SELECT patient_id, max(coalesce(contact_date_upper, contact_date)) AS latest FROM curated.followup GROUP BY patient_id
),
contact_before AS (
    SELECT patient_id, any_value(facility_id) AS facility_id, max(coalesce(contact_date_lower, contact_date)) AS latest
    FROM previous.curated.followup GROUP BY patient_id
)
SELECT c.table_name, c.facility_id, c.record_key, c.patient_id, c.items, a.items IS NULL AS is_violated,
       'before: ' || c.old_value AS detail, c.old_value, c.new_value, c.old_value AS suggestion
FROM comparison.change AS c LEFT JOIN asked AS a USING (table_name, record_key, items)
WHERE c.kind IN ('changed', 'vaguer') AND (c.table_name, c.items) NOT IN (
    ('patient', 'birth_date'), ('patient', 'sex'), ('death', 'death_date'), ('primary_tumour', 'dx_date')
)
UNION ALL BY NAME
-- each record that is in both releases was looked at
SELECT table_name, facility_id, false AS is_violated, n AS n_judged FROM comparison.record
UNION ALL BY NAME
-- a last contact that has gone altogether went backwards too
SELECT 'patient' AS table_name, old.facility_id, old.patient_id AS record_key, old.patient_id, 'patient_id' AS items,
       now.latest IS NULL OR now.latest < old.latest AS is_violated, 'last contact before: ' || old.latest AS detail,
       CAST(old.latest AS VARCHAR) AS old_value, CAST(now.latest AS VARCHAR) AS new_value, old_value AS suggestion
FROM contact_before AS old LEFT JOIN last_contact AS now USING (patient_id)
WHERE old.patient_id IN (SELECT patient_id FROM curated.patient)
