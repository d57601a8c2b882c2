/*
grain = "one row per episode and condition, procedure, drug or measurement that belongs to it"
inputs = [
    "omop.episode", "omop.condition_occurrence", "omop.procedure_occurrence", "omop.drug_exposure", "omop.measurement",
    "curated.lesion", "curated.event", "curated.measurement",
]
*/
WITH event AS (
    SELECT registry_table, registry_id, condition_occurrence_id AS event_id, 'field:condition_occurrence' AS field
    FROM omop.condition_occurrence
    UNION ALL
    SELECT registry_table, registry_id, procedure_occurrence_id, 'field:procedure_occurrence'
    FROM omop.procedure_occurrence
    UNION ALL
    SELECT registry_table, registry_id, drug_exposure_id, 'field:drug_exposure' FROM omop.drug_exposure
    UNION ALL
    SELECT registry_table, registry_id, measurement_id, 'field:measurement' FROM omop.measurement
),

link AS (
    SELECT registry_table AS episode_table, registry_id AS episode_key, registry_table, registry_id FROM omop.episode
    UNION ALL
    SELECT 'omd_episode', episode_id, 'lesion', lesion_id FROM curated.lesion
    UNION ALL
    SELECT 'omd_episode', lesion.episode_id, 'measurement', measurement_id
    FROM curated.measurement
    INNER JOIN curated.lesion USING (lesion_id)
    UNION ALL
    SELECT 'event', event_id, 'lesion', lesion_id FROM curated.event WHERE lesion_id IS NOT NULL
)

SELECT DISTINCT episode.episode_id, event.event_id, concept(event.field) AS episode_event_field_concept_id
FROM link
INNER JOIN omop.episode ON episode.registry_table = episode_table AND episode.registry_id = episode_key
INNER JOIN event ON event.registry_table = link.registry_table AND event.registry_id = link.registry_id
