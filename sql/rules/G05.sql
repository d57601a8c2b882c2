/*
table = "primary_tumour"
scope = "registry"
severity = "warning"
items = ["figo_stage"]
inputs = ["curated.followup", "curated.measurement", "curated.primary_tumour", "previous.curated.followup", "previous.curated.measurement", "previous.curated.primary_tumour"]
message = "A stage or a lesion's size was rewritten, or the last contact went backwards, since the last release. Confirm the correction."
category = "plausibility/temporal"
source = "P"
version = 2
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
*/
SELECT 'primary_tumour' AS table_name, now.facility_id, now.tumour_id AS record_key, 'figo_stage' AS items,
       now.figo_stage IS DISTINCT FROM old.figo_stage AS is_violated,
       concat_ws(' ', 'before:', old.figo_stage) AS detail
FROM curated.primary_tumour AS now JOIN previous.curated.primary_tumour AS old USING (tumour_id)
WHERE old.figo_stage IS NOT NULL
UNION ALL
SELECT 'measurement', now.facility_id, now.measurement_id, 'long_axis_mm',
       now.long_axis_mm IS DISTINCT FROM old.long_axis_mm, format('before: {:.1f} mm', old.long_axis_mm)
FROM curated.measurement AS now JOIN previous.curated.measurement AS old USING (measurement_id)
WHERE old.long_axis_mm IS NOT NULL
UNION ALL
SELECT 'measurement', now.facility_id, now.measurement_id, 'short_axis_mm',
       now.short_axis_mm IS DISTINCT FROM old.short_axis_mm, format('before: {:.1f} mm', old.short_axis_mm)
FROM curated.measurement AS now JOIN previous.curated.measurement AS old USING (measurement_id)
WHERE old.short_axis_mm IS NOT NULL
UNION ALL
SELECT 'patient', any_value(now.facility_id), now.patient_id, 'patient_id',
       max(coalesce(now.contact_date_upper, now.contact_date)) < any_value(old.latest),
       'last contact before: ' || any_value(old.latest)
FROM curated.followup AS now JOIN (
    SELECT patient_id, max(coalesce(contact_date_lower, contact_date)) AS latest
    FROM previous.curated.followup GROUP BY patient_id
) AS old USING (patient_id)
GROUP BY now.patient_id
