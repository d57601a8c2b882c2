/*
grain = "One row per examination and body region covered."
inputs = ["screened.imaging_region"]
parameters = []
*/
SELECT
    exam_id,
    body_region,
    patient_id,
    facility_id,
    impression
FROM screened.imaging_region
