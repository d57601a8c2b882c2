/*
table = "death"
severity = "error"
items = ["death_date"]
message = "The death lies before the patient's birth, the diagnosis of the primary, the start of a therapy or another finding in her (findings up to {administrative_days} days after death: a query). Correct the date of death, the other date or the patient number."
category = "plausibility/temporal"
source = "D,J; dates as in CCR IF743"
version = 2
[thresholds]
administrative_days = 7
[[passing]]
patient = [{patient_id = "P1", birth_date = 1960-01-01}]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2017-05-01}]
death = [{patient_id = "P1", death_date = 2018-04-10}]
[[failing]]
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2017-05-01}]
death = [{patient_id = "P1", death_date = 2016-04-10}]
[[failing]]
patient = [{patient_id = "P1", birth_date = 1960-01-01}]
death = [{patient_id = "P1", death_date = 1950-04-10}]
[[failing]]
_severity = "warning"
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
death = [{patient_id = "P1", death_date = 2015-07-01, death_date_precision = "year", death_date_lower = 2015-01-01, death_date_upper = 2015-12-31}]
[[failing]]
lesion = [{lesion_id = "L1", patient_id = "P1", detection_date = 2018-06-01}]
death = [{patient_id = "P1", death_date = 2018-04-10}]
[[failing]]
_severity = "warning"
toxicity = [{toxicity_id = "X1", patient_id = "P1", onset_date = 2018-04-14}]
death = [{patient_id = "P1", death_date = 2018-04-10}]
[[passing]]
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2018-04-10}]
death = [{patient_id = "P1", death_date = 2018-04-10}]
[[failing]]
_severity = "warning"
_told = {detail = "before: lesion"}
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2018-04-10}]
lesion = [{lesion_id = "L1", patient_id = "P1", detection_date = 2018-04-17}]
death = [{patient_id = "P1", death_date = 2018-04-10}]
*/
WITH earlier AS (
    SELECT patient_id, birth_date_lower AS first_day, birth_date_upper AS last_day, 'birth' AS what, 0 AS days,
           _row_id AS other_row_id, 'patient' AS other_table
    FROM screened.patient
    UNION ALL SELECT patient_id, dx_date_lower, dx_date_upper, 'diagnosis of the primary', 0, _row_id, 'primary_tumour' FROM screened.primary_tumour
    UNION ALL SELECT patient_id, start_date_lower, start_date_upper, 'local therapy', 0, _row_id, 'lrt_course' FROM screened.lrt_course
    UNION ALL SELECT patient_id, start_date_lower, start_date_upper, 'systemic therapy', 0, _row_id, 'systemic_line' FROM screened.systemic_line
    UNION ALL SELECT patient_id, start_date_lower, start_date_upper, 'treatment of the primary', 0, _row_id, 'primary_treatment'
    FROM screened.primary_treatment
    -- reports come late: examinations (M08), contacts (U01) and events (U07) have their own rules
    UNION ALL SELECT patient_id, omd_dx_date_lower, omd_dx_date_upper, 'oligometastatic disease', $administrative_days, _row_id, 'omd_episode'
    FROM screened.omd_episode
    UNION ALL SELECT patient_id, detection_date_lower, detection_date_upper, 'lesion', $administrative_days, _row_id, 'lesion'
    FROM screened.lesion
    UNION ALL SELECT patient_id, dx_date_lower, dx_date_upper, 'regional recurrence', $administrative_days, _row_id, 'regional_recurrence'
    FROM screened.regional_recurrence
    UNION ALL SELECT patient_id, onset_date_lower, onset_date_upper, 'toxicity', $administrative_days, _row_id, 'toxicity'
    FROM screened.toxicity
)
SELECT d._row_id,
       bool_or(d.death_date_lower < e.last_day) AS is_violated,
       CASE WHEN bool_or(d.death_date_upper + e.days < e.first_day) THEN 'error' ELSE 'warning' END AS severity,
       'before: ' || string_agg(DISTINCT e.what, ', ' ORDER BY e.what) FILTER (WHERE d.death_date_lower < e.last_day)
           AS detail,
       -- of several the latest, which a mended date of death has to pass
       arg_max(e.other_row_id, e.last_day) FILTER (WHERE d.death_date_lower < e.last_day) AS other_row_id,
       arg_max(e.other_table, e.last_day) FILTER (WHERE d.death_date_lower < e.last_day) AS other_table
FROM screened.death AS d JOIN earlier AS e USING (patient_id)
GROUP BY d._row_id
