/*
grain = "One row per dated contact with a patient."
inputs = ["screened.followup"]
parameters = []
*/
SELECT
    followup_id,
    patient_id,
    facility_id,
    contact_date, contact_date_precision, contact_date_lower, contact_date_upper, contact_date_reason,
    followup_source,
    is_alive,
    disease_status
FROM screened.followup
