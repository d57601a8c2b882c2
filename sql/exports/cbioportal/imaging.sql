/*
grain = "one row per dated imaging examination of an analysed patient"
inputs = ["mart.cohort", "curated.imaging_exam"]
*/
SELECT
    patient_id, exam_date - lrt_start_date AS start_date, CAST(NULL AS INTEGER) AS stop_date,
    'IMAGING' AS event_type, imaging_modality AS diagnostic_type, slice_mm
FROM mart.cohort
INNER JOIN curated.imaging_exam USING (patient_id)
WHERE exam_date IS NOT NULL
ORDER BY ALL
