/*
table = "lrt_course"
severity = "info"
items = ["start_date"]
message = "Not eligible: the local therapy of the index episode starts outside the inclusion window ($window_start to $window_end)."
category = "eligibility"
source = "A"
[[passing]]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", start_date = 2015-05-01}]
[[failing]]
lrt_course = [{lrt_id = "C1", episode_id = "E1", patient_id = "P1", start_date = 2006-05-01}]
*/
SELECT _row_id, start_date NOT BETWEEN $window_start AND $window_end AS is_violated
FROM screened.lrt_course
WHERE start_date IS NOT NULL AND lrt_modality IN ('rt', 'surgery', 'ablation')
