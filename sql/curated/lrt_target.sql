/*
grain = "One row per course and treated lesion."
inputs = ["screened.lrt_target"]
parameters = []
*/
SELECT
    lrt_id,
    lesion_id,
    patient_id,
    facility_id,
    dose_gy
FROM screened.lrt_target
