/*
grain = "one row per person who died on a day that is known"
inputs = ["omop.person", "mart.vital_status", "curated.death"]
*/
SELECT
    person_id,
    vital_status.death_date,
    concept('record_type:registry') AS death_type_concept_id,
    concept('death_cause:' || death_cause) AS cause_concept_id,
    'death_cause:' || death_cause AS cause_source_value,
    'death' AS registry_table,
    patient_id AS registry_id
FROM mart.vital_status
INNER JOIN omop.person ON person.registry_id = patient_id
LEFT JOIN curated.death USING (patient_id)
WHERE vital_status.is_dead AND vital_status.death_date IS NOT NULL
