/*
grain = "one row per patient outside the cohort, curated or quarantined, with the one primary reason"
inputs = [
    "mart.eligibility_step", "mart.index_episode", "mart.vital_status",
    "curated.patient", "curated.omd_episode", "quality.quarantine",
]
parameters = ["omd_max_lesions", "window_date", "window_start", "window_end"]
*/
WITH in_quarantine AS (
    SELECT DISTINCT patient_id
    FROM quality.quarantine
    WHERE table_name IN (
        'death', 'omd_episode', 'lesion', 'lrt_course', 'event', 'measurement', 'followup',
        'curated.death', 'curated.omd_episode', 'curated.lesion', 'curated.lrt_course', 'curated.event',
        'curated.measurement', 'curated.followup'
    )
),

asked AS (
    SELECT
        patient.patient_id,
        patient.facility_id,
        patient.has_consent,
        patient.patient_id IN (SELECT patient_id FROM in_quarantine WHERE patient_id IS NOT NULL) AS is_in_quarantine,
        patient.patient_id IN (SELECT patient_id FROM curated.omd_episode) AS has_episode,
        index_episode.*,
        CASE $window_date
            WHEN 'omd_dx' THEN index_episode.omd_dx_date ELSE index_episode.lrt_start_date
        END AS window_day,
        vital_status.end_date
    FROM curated.patient
    LEFT JOIN (SELECT * EXCLUDE (facility_id) FROM mart.index_episode) AS index_episode USING (patient_id)
    LEFT JOIN mart.vital_status USING (patient_id)
),

answered AS (
    -- The first reason that holds is the primary one.
    SELECT
        patient_id,
        facility_id,
        CASE
            WHEN is_in_quarantine THEN 1
            WHEN NOT has_consent THEN 2
            WHEN NOT has_episode THEN 3
            WHEN episode_id IS NULL THEN 4
            WHEN has_intracranial THEN 5
            WHEN n_lesions = 0 THEN 6
            WHEN n_lesions > $omd_max_lesions THEN 7
            WHEN lrt_start_date IS NULL THEN 8
            WHEN window_day NOT BETWEEN $window_start AND $window_end THEN 9
            WHEN end_date IS NULL OR end_date < greatest(lrt_start_date, omd_dx_date) THEN 10
        END AS step
    FROM asked
    UNION ALL
    -- Who is not curated cannot be asked anything, and is counted all the same.
    SELECT patient_id, min(facility_id), 0
    FROM quality.quarantine
    WHERE
        table_name IN ('patient', 'curated.patient')
        AND patient_id IS NOT NULL
        AND patient_id NOT IN (SELECT patient_id FROM curated.patient)
    GROUP BY patient_id
)

SELECT answered.patient_id, answered.facility_id, step, eligibility_step.reason
FROM answered
INNER JOIN mart.eligibility_step USING (step)
