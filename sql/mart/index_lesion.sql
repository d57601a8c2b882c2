/*
grain = "one row per index lesion of an index episode, in the study or not"
inputs = ["mart.index_episode", "curated.lesion", "curated.measurement", "curated.imaging_exam"]
parameters = ["size_metric"]
*/
WITH index_lesion AS (
    SELECT lesion.*
    FROM curated.lesion
    SEMI JOIN mart.index_episode USING (episode_id)
    WHERE coalesce(lesion.lesion_status, 'index') = 'index' AND lesion.lesion_site <> 'paraaortic'
),

reading AS (
    SELECT
        measurement.lesion_id,
        measurement.size_qualifier,
        CASE $size_metric WHEN 'short_axis' THEN measurement.short_axis_mm ELSE measurement.long_axis_mm END
            AS diameter_mm,
        measurement.series_role IS NOT DISTINCT FROM 'baseline' AS is_baseline,
        abs(imaging_exam.exam_date - index_lesion.detection_date) AS days_off
    FROM curated.measurement
    INNER JOIN index_lesion USING (lesion_id)
    INNER JOIN curated.imaging_exam USING (exam_id)
),

at_detection AS (
    -- The reading called baseline, else one of the day of detection; of several the nearest, then the largest.
    SELECT *
    FROM reading
    WHERE diameter_mm IS NOT NULL AND (is_baseline OR days_off = 0)
    QUALIFY
        row_number() OVER (
            PARTITION BY lesion_id ORDER BY is_baseline DESC, days_off, diameter_mm DESC, size_qualifier
        ) = 1
)

SELECT
    index_lesion.lesion_id,
    index_lesion.patient_id,
    index_lesion.episode_id,
    index_lesion.lesion_site,
    CASE WHEN index_lesion.lesion_site IN ('scf', 'lung') THEN index_lesion.lesion_site ELSE 'other' END
        AS lesion_site_group,
    index_lesion.detection_date,
    at_detection.diameter_mm,
    at_detection.size_qualifier
FROM index_lesion
LEFT JOIN at_detection USING (lesion_id)
