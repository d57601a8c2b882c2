/*
table = "primary_treatment"
other_table = "primary_tumour"
severity = "warning"
items = ["primary_modality", "intent"]
message = "A radical operation of the primary is unusual in stage IVA or IVB. Confirm the stage and the treatment."
category = "plausibility/atemporal"
source = "P"
[[passing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", figo_stage = "IB1"}]
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", primary_modality = "surgery"}]
[[failing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", figo_stage = "IVB"}]
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", primary_modality = "surgery"}]
[[passing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", figo_stage = "IVB"}]
primary_treatment = [{treatment_id = "X1", tumour_id = "T1", patient_id = "P1", primary_modality = "surgery", intent = "palliative"}, {treatment_id = "X2", tumour_id = "T1", patient_id = "P1", primary_modality = "chemo"}]
*/
SELECT x._row_id,
       t.figo_stage IN ('IVA', 'IVB') AND x.intent IS DISTINCT FROM 'palliative' AS is_violated,
       t._row_id AS other_row_id
FROM screened.primary_treatment AS x JOIN screened.primary_tumour AS t USING (tumour_id)
WHERE x.primary_modality = 'surgery' AND t.figo_stage IS NOT NULL
