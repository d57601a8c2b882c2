/*
grain = "one row per contact of the follow-up"
inputs = ["omop.person", "curated.followup"]
*/
SELECT
    CAST(row_number() OVER (ORDER BY followup_id) AS INTEGER) AS visit_occurrence_id,
    person_id,
    concept(coalesce('followup_source:' || followup_source, 'followup')) AS visit_concept_id,
    contact_date AS visit_start_date,
    contact_date AS visit_end_date,
    concept('record_type:registry') AS visit_type_concept_id,
    care_site_id,
    coalesce('followup_source:' || followup_source, 'followup') AS visit_source_value,
    'followup' AS registry_table,
    followup_id AS registry_id
FROM curated.followup
INNER JOIN omop.person ON person.registry_id = patient_id
WHERE contact_date IS NOT NULL
