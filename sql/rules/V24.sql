/*
table = "primary_treatment"
no_second_record = "it asks for records that are not there"
severity = "error"
items = ["primary_modality", "dose_gy", "regimen"]
message = "Concurrent chemoradiotherapy needs a radiotherapy and a systemic part that overlap in time. Give dose and regimen in the row, or send both parts with their dates."
category = "conformance/relational"
source = "P"
version = 2
[[passing]]
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", primary_modality = "ccrt", dose_gy = 45.0, regimen = "cisplatin weekly"}]
[[failing]]
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", primary_modality = "ccrt", dose_gy = 45.0}]
[[failing]]
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", primary_modality = "ccrt", regimen = "cisplatin"}]
[[failing]]
_severity = "warning"
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", primary_modality = "ccrt", start_date = 2015-05-01, end_date = 2015-06-10, dose_gy = 45.0}, {treatment_id = "X2", tumour_id = "T1", patient_id = "P1", primary_modality = "chemo", start_date = 2015-06-15, start_date_precision = "month", start_date_lower = 2015-06-01, start_date_upper = 2015-06-30}]
[[failing]]
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", primary_modality = "ccrt", start_date = 2015-05-01, end_date = 2015-06-10, dose_gy = 45.0}, {treatment_id = "X2", tumour_id = "T1", patient_id = "P1", primary_modality = "chemo", start_date = 2016-05-01, end_date = 2016-06-01}]
[[passing]]
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", primary_modality = "ccrt", start_date = 2015-05-01, end_date = 2015-06-10, dose_gy = 45.0}, {treatment_id = "X2", tumour_id = "T1", patient_id = "P1", primary_modality = "chemo", start_date = 2015-06-10}, {treatment_id = "X3", tumour_id = "T2", patient_id = "P2", primary_modality = "ccrt", start_date = 2015-05-01, end_date = 2015-06-10, dose_gy = 45.0}, {treatment_id = "X4", tumour_id = "T2", patient_id = "P2", primary_modality = "chemo", start_date = 2015-04-01, end_date = 2015-05-01}]
[[failing]]
_severity = "warning"
_rows = 2
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", primary_modality = "ccrt", start_date = 2015-05-01, end_date = 2015-06-01, dose_gy = 45.0}, {treatment_id = "X2", tumour_id = "T1", patient_id = "P1", primary_modality = "chemo", start_date = 2015-06-15, start_date_precision = "month", start_date_lower = 2015-06-01, start_date_upper = 2015-06-30}, {treatment_id = "X3", tumour_id = "T2", patient_id = "P2", primary_modality = "ccrt", start_date = 2015-05-31, end_date = 2015-06-10, dose_gy = 45.0}, {treatment_id = "X4", tumour_id = "T2", patient_id = "P2", primary_modality = "chemo", start_date = 2015-04-01, end_date = 2015-05-15, end_date_precision = "month", end_date_lower = 2015-05-01, end_date_upper = 2015-05-31}]
*/
WITH part AS (
    SELECT tumour_id, primary_modality IN ('ebrt', 'brachy') AS is_radiation,
           start_date_lower AS first_day, coalesce(end_date_upper, start_date_upper) AS last_day,
           start_date_upper AS sure_first, coalesce(end_date_lower, start_date_lower) AS sure_last
    FROM screened.primary_treatment WHERE primary_modality IN ('ebrt', 'brachy', 'chemo')
),
parallel AS (
    -- a part without dates is taken as parallel: it was sent, and its dates are another rule's
    SELECT x._row_id, x.dose_gy IS NOT NULL OR x.n_fractions IS NOT NULL AS has_own_dose,
           x.regimen IS NOT NULL AS has_own_drug, p.is_radiation,
           coalesce(p.first_day <= coalesce(x.end_date_upper, x.start_date_upper)
                    AND p.last_day >= x.start_date_lower, true) AS is_perhaps_parallel,
           coalesce(p.sure_first <= coalesce(x.end_date_lower, x.start_date_lower)
                    AND p.sure_last >= x.start_date_upper, true) AS is_surely_parallel
    FROM screened.primary_treatment AS x LEFT JOIN part AS p USING (tumour_id)
    WHERE x.primary_modality = 'ccrt'
),
judged AS (
    SELECT _row_id,
           any_value(has_own_dose) OR coalesce(bool_or(is_radiation AND is_perhaps_parallel), false) AS perhaps_dose,
           any_value(has_own_dose) OR coalesce(bool_or(is_radiation AND is_surely_parallel), false) AS surely_dose,
           any_value(has_own_drug) OR coalesce(bool_or(NOT is_radiation AND is_perhaps_parallel), false) AS perhaps_drug,
           any_value(has_own_drug) OR coalesce(bool_or(NOT is_radiation AND is_surely_parallel), false) AS surely_drug
    FROM parallel GROUP BY _row_id
)
SELECT _row_id, NOT (surely_dose AND surely_drug) AS is_violated,
       CASE WHEN perhaps_dose AND perhaps_drug THEN 'warning' ELSE 'error' END AS severity
FROM judged
