/*
table = "lesion"
severity = "info"
items = ["lesion_site"]
message = "Not eligible: the study leaves out patients with an intracranial metastasis."
category = "eligibility"
source = "A"
[[passing]]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "lung"}]
[[failing]]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "brain"}]
[[failing]]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "other", icd10_secondary_code = "C79.3"}]
*/
SELECT _row_id,
       lesion_site = 'brain' OR coalesce(starts_with(upper(replace(icd10_secondary_code, '.', '')), 'C793'), false)
           AS is_violated
FROM screened.lesion
WHERE coalesce(lesion_status, 'index') = 'index'
