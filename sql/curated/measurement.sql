/*
grain = "One row per measurement of a lesion at an examination."
inputs = ["screened.measurement"]
parameters = []
*/
SELECT
    measurement_id,
    exam_id,
    lesion_id,
    patient_id,
    facility_id,
    long_axis_mm,
    short_axis_mm,
    third_axis_mm,
    size_qualifier,
    size_lower_mm,
    size_upper_mm,
    axis_reported,
    series_role,
    suvmax,
    size_text,
    is_verified,
    is_measurable
FROM screened.measurement
