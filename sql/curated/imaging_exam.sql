/*
grain = "One row per imaging examination of a patient."
inputs = ["screened.imaging_exam"]
parameters = []
*/
SELECT
    exam_id,
    patient_id,
    facility_id,
    exam_date, exam_date_precision, exam_date_lower, exam_date_upper, exam_date_reason,
    imaging_modality,
    slice_mm,
    has_contrast
FROM screened.imaging_exam
