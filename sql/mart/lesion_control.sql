/*
grain = "one row per treated index lesion of the cohort: time to its own recurrence"
inputs = ["mart.cohort", "mart.index_lesion", "mart.vital_status", "curated.lesion", "curated.event"]
parameters = ["cutpoint_mm"]
*/
WITH treated AS (
    SELECT
        index_lesion.*,
        cohort.lrt_start_date,
        vital_status.death_date,
        vital_status.end_date,
        -- Without an assessment after therapy the observation ends on its first day.
        greatest(vital_status.last_assessment_date, cohort.lrt_start_date) AS assessed_date
    FROM mart.index_lesion
    INNER JOIN mart.cohort USING (patient_id)
    INNER JOIN mart.vital_status USING (patient_id)
    INNER JOIN curated.lesion USING (lesion_id)
    WHERE coalesce(lesion.is_treated, true)
),

recurred AS (
    -- A recurrence that names no lesion counts against each treated lesion of the patient.
    SELECT
        treated.lesion_id,
        min(least(greatest(event.event_date, treated.lrt_start_date), treated.end_date)) AS recurrence_date,
        bool_and(event.lesion_id IS NOT NULL) AS is_attributed
    FROM treated
    INNER JOIN curated.event
        ON event.patient_id = treated.patient_id AND coalesce(event.lesion_id, treated.lesion_id) = treated.lesion_id
    WHERE
        event.event_type = 'local_recurrence'
        AND coalesce(event.event_date_upper, event.event_date) > treated.lrt_start_date
        AND coalesce(event.event_date_lower, event.event_date) <= treated.end_date
    GROUP BY treated.lesion_id
),

resolved AS (
    SELECT
        treated.*,
        recurred.recurrence_date,
        recurred.is_attributed,
        CASE
            WHEN recurrence_date <= coalesce(death_date, recurrence_date) THEN 1
            WHEN death_date IS NOT NULL THEN 2
            ELSE 0
        END AS event
    FROM treated
    LEFT JOIN recurred USING (lesion_id)
)

SELECT
    lesion_id,
    patient_id,
    lesion_site_group,
    diameter_mm,
    diameter_mm <= $cutpoint_mm AS is_small,
    CASE WHEN diameter_mm <= $cutpoint_mm THEN 'small' WHEN diameter_mm > $cutpoint_mm THEN 'large' END AS size_group,
    greatest(CASE event WHEN 1 THEN recurrence_date WHEN 2 THEN death_date ELSE assessed_date END - lrt_start_date, 0)
        AS duration_days,
    event,
    is_attributed
FROM resolved
