/*
grain = "one row per imaging examination, course of local therapy and treatment of a primary tumour that is no drug"
inputs = ["omop.person", "curated.imaging_exam", "curated.lrt_course", "curated.primary_treatment"]
*/
WITH procedure AS (
    SELECT
        'imaging_exam' AS registry_table, exam_id AS registry_id, patient_id, exam_date AS start_date,
        exam_date AS end_date, CAST(NULL AS BIGINT) AS quantity,
        coalesce('imaging_modality:' || imaging_modality, 'imaging_exam') AS source
    FROM curated.imaging_exam
    UNION ALL
    SELECT
        'lrt_course', lrt_id, patient_id, start_date, end_date, n_fractions_delivered,
        coalesce('lrt_technique:' || lrt_technique, 'lrt_modality:' || lrt_modality)
    FROM curated.lrt_course
    WHERE lrt_modality NOT IN ('systemic', 'none')
    UNION ALL
    SELECT
        'primary_treatment', treatment_id, patient_id, start_date, end_date, n_fractions,
        coalesce('primary_modality:' || primary_modality, 'primary_treatment')
    FROM curated.primary_treatment
    WHERE primary_modality IS DISTINCT FROM 'chemo'
)

SELECT
    CAST(row_number() OVER (ORDER BY procedure.registry_table, procedure.registry_id) AS INTEGER) AS procedure_occurrence_id,
    person_id,
    concept(source) AS procedure_concept_id,
    start_date AS procedure_date,
    end_date AS procedure_end_date,
    concept('record_type:registry') AS procedure_type_concept_id,
    CAST(quantity AS INTEGER) AS quantity,
    source AS procedure_source_value,
    procedure.registry_table,
    procedure.registry_id
FROM procedure
INNER JOIN omop.person ON person.registry_id = patient_id
WHERE start_date IS NOT NULL
