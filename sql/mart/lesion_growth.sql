/*
grain = "one row per index lesion of the cohort"
inputs = [
    "mart.cohort", "mart.index_lesion", "curated.lesion", "curated.imaging_exam", "curated.imaging_region",
]
parameters = ["interval_months", "days_per_month"]
*/
WITH covers (lesion_site, body_region) AS (
    -- Which region an examination has to cover to speak of a site; whole body covers all.
    VALUES
        ('scf', 'neck'), ('lung', 'chest'), ('mediastinal_ln', 'chest'), ('liver', 'abdomen'),
        ('adrenal', 'abdomen'), ('bone', 'neck'), ('bone', 'chest'), ('bone', 'abdomen'), ('bone', 'pelvis'),
        ('bone', 'head')
),

negative_exam AS (
    SELECT
        index_lesion.lesion_id,
        max(imaging_exam.exam_date) AS day,
        max_by(
            coalesce(imaging_exam.exam_date_upper - imaging_exam.exam_date_lower, 0), imaging_exam.exam_date
        ) AS uncertain_days
    FROM mart.index_lesion
    INNER JOIN curated.imaging_exam USING (patient_id)
    INNER JOIN curated.imaging_region USING (exam_id)
    LEFT JOIN covers
        ON covers.lesion_site = index_lesion.lesion_site AND covers.body_region = imaging_region.body_region
    WHERE
        imaging_exam.imaging_modality IN ('ct', 'petct')
        AND imaging_region.impression = 'neg'
        AND imaging_exam.exam_date < index_lesion.detection_date
        AND (covers.lesion_site IS NOT NULL OR imaging_region.body_region = 'whole_body')
    GROUP BY index_lesion.lesion_id
),

dated AS (
    SELECT
        index_lesion.*,
        CASE
            WHEN negative_exam.day IS NOT NULL THEN 'exam'
            WHEN lesion.last_negative_date < lesion.detection_date THEN 'stated'
        END AS negative_ct_basis,
        CASE negative_ct_basis WHEN 'exam' THEN negative_exam.day WHEN 'stated' THEN lesion.last_negative_date END
            AS negative_date,
        coalesce(lesion.detection_date_upper - lesion.detection_date_lower, 0)
        + CASE negative_ct_basis
            WHEN 'exam' THEN negative_exam.uncertain_days
            ELSE coalesce(lesion.last_negative_date_upper - lesion.last_negative_date_lower, 0)
        END AS uncertain_days
    FROM mart.index_lesion
    SEMI JOIN mart.cohort USING (patient_id)
    INNER JOIN curated.lesion USING (lesion_id)
    LEFT JOIN negative_exam USING (lesion_id)
),

judged AS (
    SELECT
        *,
        detection_date - negative_date AS days_since_negative_ct,
        CASE
            WHEN negative_date IS NULL THEN 'no negative CT of the region before detection'
            WHEN uncertain_days > 31 THEN 'interval not known to the month'
            WHEN diameter_mm IS NULL THEN 'no size at detection'
            WHEN diameter_mm <= 0 THEN 'size is not positive'
            WHEN size_qualifier IN ('<', '>') THEN 'size is a bound only'
        END AS exclusion_reason
    FROM dated
)

SELECT
    lesion_id,
    patient_id,
    lesion_site,
    negative_ct_basis,
    days_since_negative_ct,
    days_since_negative_ct / $days_per_month AS months_since_negative_ct,
    detection_date <= negative_date + to_months(CAST($interval_months AS INTEGER)) AS is_within_6_months,
    diameter_mm,
    exclusion_reason IS NULL AS is_included,
    exclusion_reason
FROM judged
