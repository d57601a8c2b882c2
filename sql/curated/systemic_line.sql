/*
grain = "One row per line of systemic therapy of a patient."
inputs = ["screened.systemic_line"]
parameters = []
*/
SELECT
    line_id,
    patient_id,
    facility_id,
    episode_id,
    line_number,
    systemic_setting,
    agents,
    start_date, start_date_precision, start_date_lower, start_date_upper,
    end_date, end_date_precision, end_date_lower, end_date_upper,
    is_concurrent,
    stop_reason
FROM screened.systemic_line
