/*
grain = "one row per person, from the first dated record to the end of her observation"
inputs = [
    "omop.person", "mart.vital_status", "curated.primary_tumour", "curated.followup", "curated.imaging_exam",
    "curated.lrt_course", "curated.event", "curated.systemic_line", "curated.toxicity", "curated.primary_treatment",
    "curated.regional_recurrence", "curated.omd_episode", "curated.lesion",
]
*/
WITH evidence AS (
    {{evidence_of_life}}
),

record AS (
    SELECT patient_id, day FROM evidence
    UNION ALL
    SELECT patient_id, dx_date FROM curated.primary_tumour
    UNION ALL
    SELECT patient_id, end_date FROM mart.vital_status
)

SELECT
    person_id AS observation_period_id,
    person_id,
    min(day) AS observation_period_start_date,
    max(day) AS observation_period_end_date,
    concept('record_type:registry') AS period_type_concept_id
FROM record
INNER JOIN omop.person ON person.registry_id = patient_id
WHERE day IS NOT NULL
GROUP BY person_id
