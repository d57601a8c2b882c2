/*
grain = "one row per primary tumour, episode of oligometastatic disease, recurrence or progression, and treatment"
inputs = [
    "omop.person", "omop.condition_occurrence", "omop.procedure_occurrence", "curated.primary_tumour",
    "curated.omd_episode", "curated.event", "curated.lrt_course", "curated.systemic_line", "curated.primary_treatment",
]
*/
WITH disease AS (
    SELECT
        'primary_tumour' AS registry_table, tumour_id AS registry_id, patient_id, dx_date AS start_date,
        CAST(NULL AS DATE) AS end_date, CAST(1 AS BIGINT) AS number, 'episode:primary_tumour' AS source,
        CAST(NULL AS VARCHAR) AS parent_id
    FROM curated.primary_tumour
    UNION ALL
    SELECT
        'omd_episode', episode_id, patient_id, omd_dx_date, NULL, episode_number,
        coalesce('omd_class:' || omd_class, 'episode:omd_episode'), NULL
    FROM curated.omd_episode
    UNION ALL
    SELECT 'event', event_id, patient_id, event_date, NULL, NULL, 'event_type:' || event_type, NULL FROM curated.event
    UNION ALL
    SELECT 'lrt_course', lrt_id, patient_id, start_date, end_date, NULL, 'episode:treatment', episode_id
    FROM curated.lrt_course
    WHERE lrt_modality <> 'none'
    UNION ALL
    SELECT 'systemic_line', line_id, patient_id, start_date, end_date, line_number, 'episode:treatment', episode_id
    FROM curated.systemic_line
    UNION ALL
    SELECT 'primary_treatment', treatment_id, patient_id, start_date, end_date, NULL, 'episode:treatment', tumour_id
    FROM curated.primary_treatment
),

numbered AS (
    SELECT
        disease.*, person_id,
        CAST(row_number() OVER (ORDER BY disease.registry_table, disease.registry_id) AS INTEGER) AS episode_id
    FROM disease
    INNER JOIN omop.person ON person.registry_id = patient_id
    WHERE start_date IS NOT NULL
),

object AS (
    SELECT registry_table, registry_id, condition_concept_id AS concept_id FROM omop.condition_occurrence
    UNION ALL
    SELECT registry_table, registry_id, procedure_concept_id FROM omop.procedure_occurrence
)

SELECT
    numbered.episode_id,
    numbered.person_id,
    concept(numbered.source) AS episode_concept_id,
    numbered.start_date AS episode_start_date,
    numbered.end_date AS episode_end_date,
    parent.episode_id AS episode_parent_id,
    CAST(numbered.number AS INTEGER) AS episode_number,
    coalesce(object.concept_id, 0) AS episode_object_concept_id,
    concept('record_type:registry') AS episode_type_concept_id,
    numbered.source AS episode_source_value,
    numbered.registry_table,
    numbered.registry_id
FROM numbered
LEFT JOIN object USING (registry_table, registry_id)
LEFT JOIN numbered AS parent
    ON parent.registry_id = numbered.parent_id AND parent.registry_table IN ('omd_episode', 'primary_tumour')
