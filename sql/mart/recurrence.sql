/*
grain = "one row per cohort patient and kind of first recurrence after locoregional therapy"
inputs = ["mart.cohort", "mart.vital_status", "curated.event"]
parameters = []
*/
WITH occurred AS (
    -- A rising marker (biochemical) is no progression on imaging, a new primary is another disease.
    -- Judged by the bounds: an event of the month of therapy may lie after it, and is then put on its day.
    SELECT
        cohort.patient_id,
        event.event_type,
        least(greatest(event.event_date, cohort.lrt_start_date), vital_status.end_date) - cohort.lrt_start_date
            AS days_since_lrt
    FROM mart.cohort
    INNER JOIN mart.vital_status USING (patient_id)
    INNER JOIN curated.event USING (patient_id)
    WHERE
        event.event_type NOT IN ('biochemical', 'new_primary')
        AND coalesce(event.event_date_upper, event.event_date) > cohort.lrt_start_date
        AND coalesce(event.event_date_lower, event.event_date) <= vital_status.end_date
),

first_of_kind AS (
    SELECT patient_id, event_type, min(days_since_lrt) AS days_since_lrt
    FROM occurred
    GROUP BY patient_id, event_type
)

SELECT
    *,
    days_since_lrt = min(days_since_lrt) OVER (PARTITION BY patient_id) AS is_first
FROM first_of_kind
