/*
grain = "One row per facility, source system and patient number in it."
inputs = ["screened.patient_xref"]
parameters = []
*/
SELECT
    facility_id,
    source_name,
    source_patient_id,
    patient_id,
    own_patient_id,
    match_method,
    match_score
FROM screened.patient_xref
