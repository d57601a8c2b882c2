/*
grain = "one row per primary tumour, metastasis, regional recurrence and adverse effect"
inputs = [
    "omop.person", "curated.primary_tumour", "curated.lesion", "curated.regional_recurrence", "curated.toxicity",
]
*/
WITH condition AS (
    SELECT
        'primary_tumour' AS registry_table, tumour_id AS registry_id, patient_id, dx_date AS start_date,
        CAST(NULL AS DATE) AS end_date,
        coalesce(
            'ICDO3:' || morphology_code || '-' || topography_code, 'histology_group:' || histology_group,
            'primary_tumour'
        ) AS source
    FROM curated.primary_tumour
    UNION ALL
    SELECT 'lesion', lesion_id, patient_id, detection_date, NULL, 'lesion_site:' || lesion_site FROM curated.lesion
    UNION ALL
    SELECT 'regional_recurrence', regional_recurrence_id, patient_id, dx_date, NULL, 'regional_site:' || regional_site
    FROM curated.regional_recurrence
    UNION ALL
    SELECT
        'toxicity', toxicity_id, patient_id, onset_date, resolved_date,
        coalesce('ctcae_term:' || ctcae_term, 'toxicity')
    FROM curated.toxicity
)

SELECT
    CAST(row_number() OVER (ORDER BY condition.registry_table, condition.registry_id) AS INTEGER) AS condition_occurrence_id,
    person_id,
    concept(source) AS condition_concept_id,
    start_date AS condition_start_date,
    end_date AS condition_end_date,
    concept('record_type:registry') AS condition_type_concept_id,
    left(source, 50) AS condition_source_value,
    condition.registry_table,
    condition.registry_id
FROM condition
INNER JOIN omop.person ON person.registry_id = patient_id
WHERE start_date IS NOT NULL
