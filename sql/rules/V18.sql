/*
table = "primary_tumour"
no_second_record = "it asks for records that are not there"
severity = "warning"
items = ["figo_stage"]
message = "Stage IVB, but no distant metastasis is recorded within the staging window of the primary. Send the metastasis or correct the stage."
category = "completeness"
source = "F"
version = 2
[[passing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01, figo_stage = "IVB"}]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "scf", detection_date = 2015-05-20}]
[[failing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01, figo_stage = "IVB"}]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "scf", detection_date = 2017-05-20}]
[[failing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01, figo_stage = "IVB"}]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "paraaortic", detection_date = 2015-05-20}]
[[passing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01, figo_stage = "IVB"}, {tumour_id = "T2", patient_id = "P2", dx_date = 2015-05-01, figo_stage = "IIB"}]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "scf", detection_date = 2015-07-31}]
*/
SELECT t._row_id,
       NOT EXISTS (
           SELECT 1 FROM screened.lesion AS l
           WHERE l.patient_id = t.patient_id AND l.lesion_status IS DISTINCT FROM 'regional'
             AND l.lesion_site IS DISTINCT FROM 'paraaortic'
             AND l.detection_date_lower - t.dx_date_upper <= $staging_window_days
       ) AS is_violated
FROM screened.primary_tumour AS t
WHERE t.figo_stage = 'IVB' AND t.dx_date IS NOT NULL
  -- a facility that sends no lesions at all cannot be asked for one
  AND EXISTS (SELECT 1 FROM screened.lesion AS l WHERE l.facility_id IS NOT DISTINCT FROM t.facility_id)
