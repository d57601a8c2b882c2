/*
grain = "one row per dated thing that says that a patient was alive on that day; marts, rules and sentences share it"
*/
-- Whoever was seen, examined or treated on a day was alive that day, unless the source says that she was reported dead.
-- "Alive" in a civil register means "not found among the dead": no evidence. Nor is the diagnosis of the primary.
SELECT patient_id, 'followup' AS source, contact_date AS day, contact_date_upper AS day_upper,
       contact_date_precision AS day_precision
FROM records.followup
WHERE is_alive IS DISTINCT FROM false AND followup_source IS DISTINCT FROM 'civil'
UNION ALL
SELECT patient_id, 'imaging_exam', exam_date, exam_date_upper, exam_date_precision FROM records.imaging_exam
UNION ALL
SELECT patient_id, 'lrt_course', start_date, start_date_upper, start_date_precision FROM records.lrt_course
UNION ALL
SELECT patient_id, 'lrt_course', end_date, end_date_upper, end_date_precision FROM records.lrt_course
UNION ALL
SELECT patient_id, 'event', event_date, event_date_upper, event_date_precision FROM records.event
UNION ALL
SELECT patient_id, 'systemic_line', start_date, start_date_upper, start_date_precision FROM records.systemic_line
UNION ALL
SELECT patient_id, 'systemic_line', end_date, end_date_upper, end_date_precision FROM records.systemic_line
UNION ALL
SELECT patient_id, 'toxicity', onset_date, onset_date_upper, onset_date_precision FROM records.toxicity
UNION ALL
SELECT patient_id, 'toxicity', resolved_date, resolved_date_upper, resolved_date_precision FROM records.toxicity
UNION ALL
SELECT patient_id, 'primary_treatment', start_date, start_date_upper, start_date_precision
FROM records.primary_treatment
UNION ALL
SELECT patient_id, 'primary_treatment', end_date, end_date_upper, end_date_precision FROM records.primary_treatment
UNION ALL
SELECT patient_id, 'regional_recurrence', dx_date, dx_date_upper, dx_date_precision FROM records.regional_recurrence
UNION ALL
SELECT patient_id, 'omd_episode', omd_dx_date, omd_dx_date_upper, omd_dx_date_precision FROM records.omd_episode
UNION ALL
SELECT patient_id, 'lesion', detection_date, detection_date_upper, detection_date_precision FROM records.lesion
