/*
grain = "one row per dated recurrence, contact and death of an analysed patient"
inputs = ["mart.cohort", "mart.vital_status", "curated.event", "curated.followup"]
*/
SELECT
    patient_id, event_date - lrt_start_date AS start_date, CAST(NULL AS INTEGER) AS stop_date,
    'STATUS' AS event_type, event.event_type AS status
FROM mart.cohort
INNER JOIN curated.event USING (patient_id)
WHERE event_date IS NOT NULL
UNION ALL
SELECT patient_id, contact_date - lrt_start_date, NULL, 'STATUS', coalesce(disease_status, 'contact')
FROM mart.cohort
INNER JOIN curated.followup USING (patient_id)
WHERE contact_date IS NOT NULL
UNION ALL
SELECT patient_id, death_date - lrt_start_date, NULL, 'STATUS', 'death'
FROM mart.cohort
INNER JOIN mart.vital_status USING (patient_id)
WHERE death_date IS NOT NULL
ORDER BY ALL
