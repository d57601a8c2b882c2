/*
grain = "One row per recurrence or progression after treatment."
inputs = ["screened.event"]
parameters = []
*/
SELECT
    event_id,
    patient_id,
    facility_id,
    lesion_id,
    event_type,
    event_date, event_date_precision, event_date_lower, event_date_upper, event_date_reason,
    n_new_lesions,
    event_evidence,
    event_site_text
FROM screened.event
