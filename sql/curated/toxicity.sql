/*
grain = "One row per adverse effect of a course."
inputs = ["screened.toxicity"]
parameters = []
*/
SELECT
    toxicity_id,
    lrt_id,
    patient_id,
    facility_id,
    ctcae_term,
    grade,
    onset_date, onset_date_precision, onset_date_lower, onset_date_upper,
    resolved_date, resolved_date_precision, resolved_date_lower, resolved_date_upper,
    attribution,
    is_acute
FROM screened.toxicity
