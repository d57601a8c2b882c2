/*
grain = "one row per agent of a line of systemic therapy, and per systemic treatment that names no agents"
inputs = ["omop.person", "curated.systemic_line", "curated.lrt_course", "curated.primary_treatment"]
*/
WITH agent AS (
    SELECT line_id, unnest(string_split(agents, '+')) AS name FROM curated.systemic_line
),

drug AS (
    SELECT
        'systemic_line' AS registry_table, line_id AS registry_id, patient_id, start_date, end_date,
        coalesce('agents:' || lower(trim(agent.name)), 'systemic_setting:' || systemic_setting, 'systemic_line')
            AS source
    FROM curated.systemic_line
    LEFT JOIN agent USING (line_id)
    UNION ALL
    SELECT 'lrt_course', lrt_id, patient_id, start_date, end_date, 'lrt_modality:' || lrt_modality
    FROM curated.lrt_course
    WHERE lrt_modality = 'systemic'
    UNION ALL
    SELECT 'primary_treatment', treatment_id, patient_id, start_date, end_date, 'primary_modality:' || primary_modality
    FROM curated.primary_treatment
    WHERE primary_modality = 'chemo'
)

SELECT
    CAST(row_number() OVER (ORDER BY drug.registry_table, drug.registry_id, source) AS INTEGER) AS drug_exposure_id,
    person_id,
    concept(source) AS drug_concept_id,
    start_date AS drug_exposure_start_date,
    coalesce(end_date, start_date) AS drug_exposure_end_date,
    end_date AS verbatim_end_date,
    concept('record_type:registry') AS drug_type_concept_id,
    left(source, 50) AS drug_source_value,
    drug.registry_table,
    drug.registry_id
FROM drug
INNER JOIN omop.person ON person.registry_id = patient_id
WHERE start_date IS NOT NULL
