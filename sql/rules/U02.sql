/*
table = "followup"
severity = "warning"
items = ["contact_date"]
message = "The last contact is earlier than another dated record of the patient; the later date is used as last evidence of life. Send the later contact."
category = "plausibility/temporal"
source = "C,N"
version = 2
[[passing]]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2018-05-10}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2018-01-10}]
[[failing]]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2017-05-10}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2018-01-10}]
[[failing]]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2017-05-10}]
toxicity = [{toxicity_id = "X1", patient_id = "P1", onset_date = 2018-01-10}]
[[passing]]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2017-07-01, contact_date_precision = "year", contact_date_lower = 2017-01-01, contact_date_upper = 2017-12-31}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-11-10}]
[[passing]]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2018-05-10}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2018-05-10}]
[[failing]]
followup = [{followup_id = "F1", patient_id = "P1", contact_date = 2018-05-10}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2023-06-30}]
*/
WITH dated AS (
    SELECT patient_id, max(day) AS latest, arg_max(_row_id, day) AS other_row_id, arg_max(other_table, day) AS other_table
    FROM (
        SELECT patient_id, exam_date_lower AS day, _row_id, 'imaging_exam' AS other_table FROM screened.imaging_exam
        UNION ALL SELECT patient_id, start_date_lower, _row_id, 'lrt_course' FROM screened.lrt_course
        UNION ALL SELECT patient_id, event_date_lower, _row_id, 'event' FROM screened.event
        UNION ALL SELECT patient_id, start_date_lower, _row_id, 'systemic_line' FROM screened.systemic_line
        UNION ALL SELECT patient_id, detection_date_lower, _row_id, 'lesion' FROM screened.lesion
        UNION ALL SELECT patient_id, omd_dx_date_lower, _row_id, 'omd_episode' FROM screened.omd_episode
        UNION ALL SELECT patient_id, dx_date_lower, _row_id, 'primary_tumour' FROM screened.primary_tumour
        UNION ALL SELECT patient_id, dx_date_lower, _row_id, 'regional_recurrence' FROM screened.regional_recurrence
        UNION ALL SELECT patient_id, start_date_lower, _row_id, 'primary_treatment' FROM screened.primary_treatment
        UNION ALL SELECT patient_id, onset_date_lower, _row_id, 'toxicity' FROM screened.toxicity
    ) WHERE day <= $extract_date GROUP BY patient_id
),
contact AS (
    SELECT patient_id, max(contact_date_upper) AS latest FROM screened.followup
    WHERE contact_date IS NOT NULL GROUP BY patient_id
)
SELECT f._row_id, f.contact_date_upper < d.latest AS is_violated,
       CAST(d.latest AS VARCHAR) AS suggestion, d.other_row_id, d.other_table
FROM screened.followup AS f JOIN dated AS d USING (patient_id)
-- only those of the last day are put in order, not a life of contacts
JOIN contact AS c ON c.patient_id = f.patient_id AND c.latest = f.contact_date_upper
WHERE f.contact_date IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY f.patient_id ORDER BY f.contact_date DESC, f._row_id) = 1
