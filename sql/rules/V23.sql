/*
table = "primary_treatment"
other_table = "primary_tumour"
severity = "warning"
items = ["start_date"]
message = "More than {maximum_days} days lie between the diagnosis of the primary and its first treatment. Confirm both dates, or send the earlier treatment."
category = "plausibility/temporal"
source = "P"
[thresholds]
maximum_days = 180
[[passing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", start_date = 2015-05-20}, {treatment_id = "X2", tumour_id = "T1", patient_id = "P1", start_date = 2016-05-20}]
[[failing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", start_date = 2016-05-20}]
[[passing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1"}, {treatment_id = "X2", tumour_id = "T1", patient_id = "P1", start_date = 2015-10-28}]
*/
SELECT x._row_id, x.start_date_lower - t.dx_date_upper > $maximum_days AS is_violated,
       t._row_id AS other_row_id
FROM screened.primary_treatment AS x JOIN screened.primary_tumour AS t USING (tumour_id)
QUALIFY row_number() OVER (PARTITION BY x.tumour_id ORDER BY x.start_date NULLS LAST, x._row_id) = 1
