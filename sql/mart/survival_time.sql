/*
grain = "one row per patient, endpoint and origin"
inputs = ["mart.cohort", "mart.registry_patient", "mart.recurrence", "mart.vital_status"]
parameters = []
*/
WITH origin AS (
    SELECT patient_id, 'lrt_start' AS origin, lrt_start_date AS origin_date, lrt_start_date FROM mart.cohort
    UNION ALL
    SELECT patient_id, 'omd_dx', omd_dx_date, lrt_start_date FROM mart.cohort
),

first_event AS (
    SELECT
        patient_id,
        min(days_since_lrt) FILTER (event_type = 'local_recurrence') AS local_days,
        min(days_since_lrt) FILTER (event_type = 'new_oligomet') AS new_oligomet_days,
        min(days_since_lrt) FILTER (event_type <> 'new_oligomet') AS other_days
    FROM mart.recurrence
    GROUP BY patient_id
),

dated AS (
    SELECT
        origin.patient_id,
        origin.origin,
        origin.origin_date,
        vital_status.death_date,
        vital_status.end_date,
        -- Without an assessment after the origin the observation ends on the day of the origin.
        greatest(vital_status.last_assessment_date, origin.origin_date) AS assessed_date,
        origin.lrt_start_date + CAST(first_event.local_days AS INTEGER) AS local_date,
        origin.lrt_start_date + CAST(first_event.new_oligomet_days AS INTEGER) AS new_oligomet_date,
        origin.lrt_start_date + CAST(first_event.other_days AS INTEGER) AS other_date,
        least(new_oligomet_date, other_date) AS any_date
    FROM origin
    INNER JOIN mart.vital_status USING (patient_id)
    LEFT JOIN first_event USING (patient_id)
),

awaited AS (
    -- What ends the observation, per endpoint: the event, what competes with it, else censoring.
    SELECT
        patient_id, origin, origin_date, 'os' AS endpoint,
        death_date AS event_date, CAST(NULL AS DATE) AS competing_date,
        end_date AS censor_date, 'last_contact' AS censor_reason
    FROM dated
    UNION ALL
    SELECT
        patient_id, origin, origin_date, 'lrfs',
        least(local_date, death_date), NULL, assessed_date, 'last_assessment'
    FROM dated
    UNION ALL
    SELECT
        patient_id, origin, origin_date, 'local_control',
        local_date, death_date, assessed_date, 'last_assessment'
    FROM dated
    UNION ALL
    SELECT
        patient_id, origin, origin_date, 'pfs',
        least(any_date, death_date), NULL, assessed_date, 'last_assessment'
    FROM dated
    UNION ALL
    SELECT
        patient_id, origin, origin_date, 'new_oligomet',
        new_oligomet_date, least(other_date, death_date), assessed_date, 'last_assessment'
    FROM dated
),

resolved AS (
    -- On one day the event of interest comes before what competes with it.
    SELECT
        *,
        CASE
            WHEN event_date <= coalesce(competing_date, event_date) THEN 1
            WHEN competing_date IS NOT NULL THEN 2
            ELSE 0
        END AS event
    FROM awaited
)

SELECT
    patient_id,
    endpoint,
    origin,
    -- Where therapy began before the episode was diagnosed an event may lie before that origin: day 0.
    greatest(CASE event WHEN 1 THEN event_date WHEN 2 THEN competing_date ELSE censor_date END - origin_date, 0)
        AS duration_days,
    event,
    CASE event WHEN 1 THEN 'event' WHEN 2 THEN 'competing' ELSE censor_reason END AS censor_reason
FROM resolved
UNION ALL
SELECT
    patient_id,
    'os',
    'primary_dx',
    last_known_days,
    CAST(is_dead AS INTEGER),
    CASE WHEN is_dead THEN 'event' ELSE 'last_contact' END
FROM mart.registry_patient
WHERE last_known_days IS NOT NULL
