/*
grain = "one row per measured lesion and dated examination of an analysed patient"
inputs = ["mart.cohort", "curated.measurement", "curated.imaging_exam", "curated.lesion"]
*/
SELECT
    patient_id, exam_date - lrt_start_date AS start_date, CAST(NULL AS INTEGER) AS stop_date,
    'LESION' AS event_type, lesion_site, long_axis_mm, short_axis_mm, size_qualifier
FROM mart.cohort
INNER JOIN curated.measurement USING (patient_id)
INNER JOIN (SELECT exam_id, exam_date FROM curated.imaging_exam) AS exam USING (exam_id)
INNER JOIN (SELECT lesion_id, lesion_site FROM curated.lesion) AS lesion USING (lesion_id)
WHERE exam_date IS NOT NULL
ORDER BY ALL
