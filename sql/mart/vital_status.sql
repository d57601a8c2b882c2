/*
grain = "one row per curated patient: death, last evidence of life, last adequate disease assessment"
inputs = [
    "curated.patient", "curated.death", "curated.followup", "curated.imaging_exam", "curated.lrt_course",
    "curated.event", "curated.systemic_line", "curated.toxicity", "curated.primary_treatment",
    "curated.regional_recurrence", "curated.omd_episode", "curated.lesion",
]
parameters = ["extract_date"]
*/
WITH evidence AS (
    {{evidence_of_life}}
),

last_of_source AS (
    SELECT patient_id, source, max(day) AS day FROM evidence WHERE day IS NOT NULL GROUP BY patient_id, source
),

last_evidence AS (
    SELECT patient_id, max(day) AS day, first(source ORDER BY day DESC, source) AS source
    FROM last_of_source
    GROUP BY patient_id
),

assessment AS (
    SELECT patient_id, max(day) AS day
    FROM (
        SELECT patient_id, exam_date AS day FROM curated.imaging_exam
        UNION ALL
        SELECT patient_id, event_date FROM curated.event
        UNION ALL
        SELECT patient_id, contact_date
        FROM curated.followup
        WHERE disease_status IN ('ned', 'awd') AND coalesce(is_alive, true)
    )
    GROUP BY patient_id
),

dead AS (
    -- A death known to the month lies where the last evidence of life still allows it.
    SELECT
        death.patient_id,
        least(
            coalesce(death.death_date_upper, death.death_date),
            greatest(death.death_date, last_evidence.day),
            $extract_date
        ) AS day
    FROM curated.death
    LEFT JOIN last_evidence USING (patient_id)
    WHERE death.death_date IS NULL OR coalesce(death.death_date_lower, death.death_date) <= $extract_date
),

observed AS (
    SELECT
        patient.patient_id,
        patient.facility_id,
        dead.patient_id IS NOT NULL AS is_dead,
        death.death_date IS NOT NULL AS is_death_dated,
        dead.day AS death_date,
        -- least() passes over NULL: without evidence there is no last day, and not the day of the extract.
        CASE WHEN last_evidence.day IS NOT NULL THEN least(last_evidence.day, $extract_date) END AS last_alive_date,
        last_evidence.source AS last_alive_source,
        assessment.day AS last_assessment_date
    FROM curated.patient
    LEFT JOIN curated.death USING (patient_id)
    LEFT JOIN dead USING (patient_id)
    LEFT JOIN last_evidence USING (patient_id)
    LEFT JOIN assessment USING (patient_id)
),

ended AS (
    SELECT
        *,
        CASE WHEN is_dead AND is_death_dated THEN death_date WHEN NOT is_dead THEN last_alive_date END AS end_date
    FROM observed
)

SELECT
    patient_id,
    facility_id,
    is_dead,
    CASE WHEN is_death_dated AND is_dead THEN death_date END AS death_date,
    last_alive_date,
    last_alive_source,
    end_date,
    CASE WHEN last_assessment_date IS NOT NULL AND end_date IS NOT NULL THEN least(last_assessment_date, end_date) END
        AS last_assessment_date
FROM ended
