/*
grain = "One row per deceased patient."
inputs = ["screened.death"]
parameters = []
*/
SELECT
    patient_id,
    facility_id,
    death_date, death_date_precision, death_date_lower, death_date_upper, death_date_reason,
    death_cause,
    death_source
FROM screened.death
