/*
grain = "one row per index lesion of the cohort and day before therapy on which it was measured"
inputs = ["mart.cohort", "mart.index_lesion", "curated.measurement", "curated.imaging_exam"]
parameters = ["size_metric", "days_per_month"]
*/
WITH reading AS (
    SELECT
        index_lesion.lesion_id,
        index_lesion.patient_id,
        imaging_exam.exam_date,
        CASE $size_metric WHEN 'short_axis' THEN measurement.short_axis_mm ELSE measurement.long_axis_mm END
            AS diameter_mm
    FROM mart.index_lesion
    INNER JOIN mart.cohort USING (patient_id)
    INNER JOIN curated.measurement USING (lesion_id)
    INNER JOIN curated.imaging_exam USING (exam_id)
    WHERE
        -- Therapy changes growth: what was measured after its first day says nothing of it.
        imaging_exam.exam_date <= cohort.lrt_start_date
        AND measurement.series_role IS DISTINCT FROM 'post'
        AND coalesce(imaging_exam.exam_date_upper - imaging_exam.exam_date_lower, 0) <= 31
        AND coalesce(measurement.size_qualifier, '=') NOT IN ('<', '>')
),

by_day AS (
    SELECT lesion_id, patient_id, exam_date, max(diameter_mm) AS diameter_mm
    FROM reading
    WHERE diameter_mm > 0
    GROUP BY lesion_id, patient_id, exam_date
)

SELECT
    lesion_id,
    patient_id,
    exam_date - min(exam_date) OVER (PARTITION BY lesion_id) AS days,
    days / $days_per_month AS months,
    diameter_mm
FROM by_day
