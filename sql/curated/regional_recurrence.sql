/*
grain = "One row per regional recurrence of a patient."
inputs = ["screened.regional_recurrence"]
parameters = []
*/
SELECT
    regional_recurrence_id,
    patient_id,
    facility_id,
    regional_site,
    dx_date, dx_date_precision, dx_date_lower, dx_date_upper, dx_date_reason,
    is_treated,
    treatment_text
FROM screened.regional_recurrence
