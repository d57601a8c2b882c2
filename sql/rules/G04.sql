/*
table = "patient"
scope = "registry"
severity = "error"
items = ["patient_id"]
inputs = ["curated.patient", "curated.patient_xref", "curated.death", "quality.quarantine", "previous.curated.patient", "previous.curated.death"]
message = "A patient of the last release has disappeared, one who was dead is alive again, or a patient number now carries quite another date of birth. Send the record again, confirm that it was removed on purpose, or give the other person a number of her own."
category = "plausibility/temporal"
source = "P"
version = 3
[[passing]]
"curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-01-01}]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-01-01}]
[[passing]]
"curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1961-01-01}]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-01-01}]
[[passing]]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x"}]
"quality.quarantine" = [{facility_id = "x", table_name = "patient", record_key = "P1", patient_id = "P1", reason = "own"}]
[[passing]]
"curated.patient_xref" = [{facility_id = "x", source_name = "his", source_patient_id = "7", patient_id = "P0", own_patient_id = "P1"}]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x"}]
[[failing]]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x"}]
[[failing]]
"curated.patient" = [{patient_id = "P1", facility_id = "x"}]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x"}]
"previous.curated.death" = [{patient_id = "P1", facility_id = "x", death_date = 2019-01-01}]
[[failing]]
"curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1947-09-23}]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-01-01}]
[[passing]]
"curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-02-01}, {patient_id = "P2", facility_id = "x"}]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-01-01}, {patient_id = "P2", facility_id = "x"}]
"previous.curated.death" = [{patient_id = "P2", facility_id = "x", death_date = 2019-01-01}]
"quality.quarantine" = [{facility_id = "x", table_name = "death", record_key = "P2", patient_id = "P2", reason = "own"}]
[[failing]]
_rows = 3
"curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1961-02-01}, {patient_id = "P2", facility_id = "x"}]
"previous.curated.patient" = [{patient_id = "P1", facility_id = "x", birth_date = 1960-01-01}, {patient_id = "P2", facility_id = "x"}, {patient_id = "P3", facility_id = "x"}]
"previous.curated.death" = [{patient_id = "P2", facility_id = "x", death_date = 2019-01-01}]
"quality.quarantine" = [{facility_id = "x", table_name = "death", record_key = "P9", patient_id = "P9", reason = "own"}, {facility_id = "x", table_name = "patient", record_key = "P9", patient_id = "P9", reason = "own"}]
*/
WITH held AS (
    -- What this refresh holds back has its own findings: it has not disappeared.
    SELECT DISTINCT table_name, record_key FROM quality.quarantine
),
linked AS (
    -- A link or a decision has made her another patient of the registry.
    SELECT DISTINCT own_patient_id FROM curated.patient_xref WHERE own_patient_id <> patient_id
),
judged AS (
    SELECT old.facility_id, old.patient_id,
           CAST(old.birth_date AS VARCHAR) AS old_birth_date, CAST(now.birth_date AS VARCHAR) AS new_birth_date,
           now.patient_id IS NULL AND gone.record_key IS NULL AND linked.own_patient_id IS NULL AS has_disappeared,
           now.patient_id IS NOT NULL AND was.patient_id IS NOT NULL AND dead.patient_id IS NULL
               AND kept.record_key IS NULL AS is_alive_again,
           -- At least two of year, month and day differ: no slip of the pen (which is G03) but another person.
           now.birth_date_precision IS NOT DISTINCT FROM old.birth_date_precision
               AND coalesce(CAST(year(now.birth_date) <> year(old.birth_date) AS INTEGER)
                   + CAST(month(now.birth_date) <> month(old.birth_date) AS INTEGER)
                   + CAST(day(now.birth_date) <> day(old.birth_date) AS INTEGER), 0) >= 2 AS is_another_person
    FROM previous.curated.patient AS old
    LEFT JOIN curated.patient AS now USING (patient_id)
    LEFT JOIN previous.curated.death AS was USING (patient_id)
    LEFT JOIN curated.death AS dead USING (patient_id)
    LEFT JOIN linked ON linked.own_patient_id = old.patient_id
    LEFT JOIN held AS gone ON gone.table_name = 'patient' AND gone.record_key = old.patient_id
    LEFT JOIN held AS kept ON kept.table_name = 'death' AND kept.record_key = old.patient_id
)
SELECT facility_id, patient_id AS record_key,
       -- the item that has to have its old value again
       CASE WHEN has_disappeared THEN 'patient' WHEN is_alive_again THEN 'death' ELSE 'patient' END AS table_name,
       CASE WHEN has_disappeared THEN 'patient_id' WHEN is_alive_again THEN 'patient_id' ELSE 'birth_date' END AS items,
       CASE WHEN has_disappeared OR is_alive_again THEN patient_id ELSE old_birth_date END AS old_value,
       CASE WHEN NOT has_disappeared AND NOT is_alive_again THEN new_birth_date END AS new_value,
       has_disappeared OR is_alive_again OR is_another_person AS is_violated,
       CASE WHEN has_disappeared THEN 'disappeared' WHEN is_alive_again THEN 'dead before, no death now'
            ELSE 'another date of birth' END AS detail
FROM judged
