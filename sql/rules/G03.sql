/*
table = "patient"
scope = "registry"
severity = "error"
items = ["birth_date", "sex"]
inputs = ["curated.patient", "curated.death", "curated.primary_tumour", "previous.curated.patient", "previous.curated.death", "previous.curated.primary_tumour"]
message = "Birth, sex, death or diagnosis changed since the last release. Confirm the correction; if the patient number now means somebody else, correct the number."
category = "plausibility/temporal"
source = "P"
[[passing]]
"curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-01-01, sex = "F"}]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-01-01, sex = "F"}]
[[failing]]
"curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1961-01-01, sex = "F"}]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-01-01, sex = "F"}]
[[failing]]
"curated.death" = [{patient_id = "P1", facility_id = "x", death_date = 2020-01-01}]
"previous.curated.death" = [{patient_id = "P1", facility_id = "x", death_date = 2019-01-01}]
*/
SELECT 'patient' AS table_name, now.facility_id, now.patient_id AS record_key, 'birth_date,sex' AS items,
       now.birth_date IS DISTINCT FROM old.birth_date OR now.sex IS DISTINCT FROM old.sex AS is_violated,
       concat_ws(' ', 'before:', old.birth_date, old.sex) AS detail
FROM curated.patient AS now JOIN previous.curated.patient AS old USING (patient_id)
UNION ALL
SELECT 'death', now.facility_id, now.patient_id, 'death_date', now.death_date IS DISTINCT FROM old.death_date,
       concat_ws(' ', 'before:', old.death_date)
FROM curated.death AS now JOIN previous.curated.death AS old USING (patient_id)
UNION ALL
SELECT 'primary_tumour', now.facility_id, now.tumour_id, 'dx_date', now.dx_date IS DISTINCT FROM old.dx_date,
       concat_ws(' ', 'before:', old.dx_date)
FROM curated.primary_tumour AS now JOIN previous.curated.primary_tumour AS old USING (tumour_id)
