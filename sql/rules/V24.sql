/*
table = "primary_treatment"
severity = "error"
items = ["primary_modality", "dose_gy", "regimen"]
message = "Concurrent chemoradiotherapy needs a radiotherapy and a systemic part that overlap in time. Give dose and regimen in the row, or send both parts with their dates."
category = "conformance/relational"
source = "P"
[[passing]]
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", primary_modality = "ccrt", dose_gy = 45.0, regimen = "cisplatin weekly"}]
[[failing]]
_severity = "warning"
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", primary_modality = "ccrt", dose_gy = 45.0}]
[[failing]]
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", primary_modality = "ccrt", start_date = 2015-05-01, end_date = 2015-06-10, dose_gy = 45.0}, {treatment_id = "X2", tumour_id = "T1", patient_id = "P1", primary_modality = "chemo", start_date = 2016-05-01, end_date = 2016-06-01}]
*/
WITH part AS (
    SELECT tumour_id, treatment_id, primary_modality IN ('ebrt', 'brachy') AS is_radiation,
           start_date_lower AS first_day, coalesce(end_date_upper, start_date_upper) AS last_day
    FROM screened.primary_treatment WHERE primary_modality IN ('ebrt', 'brachy', 'chemo')
),
judged AS (
    SELECT x._row_id,
           x.dose_gy IS NOT NULL OR x.n_fractions IS NOT NULL AS has_own_dose, x.regimen IS NOT NULL AS has_own_drug,
           bool_or(p.is_radiation) AS has_radiation, bool_or(NOT p.is_radiation) AS has_drug,
           bool_or(p.is_radiation AND coalesce(p.first_day <= coalesce(x.end_date_upper, x.start_date_upper)
                   AND p.last_day >= x.start_date_lower, true)) AS is_radiation_parallel,
           bool_or(NOT p.is_radiation AND coalesce(p.first_day <= coalesce(x.end_date_upper, x.start_date_upper)
                   AND p.last_day >= x.start_date_lower, true)) AS is_drug_parallel
    FROM screened.primary_treatment AS x LEFT JOIN part AS p USING (tumour_id)
    WHERE x.primary_modality = 'ccrt' GROUP BY ALL
)
SELECT _row_id,
       NOT (has_own_dose OR coalesce(is_radiation_parallel, false))
           OR NOT (has_own_drug OR coalesce(is_drug_parallel, false)) AS is_violated,
       CASE WHEN (NOT has_own_dose AND has_radiation AND NOT is_radiation_parallel)
              OR (NOT has_own_drug AND has_drug AND NOT is_drug_parallel) THEN 'error' ELSE 'warning' END AS severity
FROM judged
