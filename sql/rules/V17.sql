/*
table = "primary_tumour"
other_table = "lesion"
severity = "error"
items = ["figo_stage", "dx_date"]
message = "A distant metastasis within the staging window of the primary ({staging_window_days} days) means FIGO IVB; a supraclavicular node is distant. Correct the stage or the dates."
suggestion = "IVB"
category = "conformance/relational"
source = "F"
[[passing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01, figo_stage = "IIB"}]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "scf", detection_date = 2017-05-01}]
[[passing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01, figo_stage = "IVB"}]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "scf", detection_date = 2015-05-20}]
[[failing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01, figo_stage = "IIB"}]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "scf", detection_date = 2015-05-20}]
[[failing]]
_severity = "warning"
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01, figo_stage = "IIB"}]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "lung", detection_date = 2015-07-01, detection_date_precision = "year", detection_date_lower = 2015-01-01, detection_date_upper = 2015-12-31}]
[[passing]]
_judged = 1
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01, figo_stage = "IIB"}, {tumour_id = "T2", patient_id = "P2", dx_date = 2015-05-01, figo_stage = "IIB"}, {tumour_id = "T3", patient_id = "P3", dx_date = 2015-05-01}]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "lung", detection_date = 2015-08-01}, {lesion_id = "L2", patient_id = "P2", lesion_site = "other", lesion_status = "regional", detection_date = 2015-05-20}, {lesion_id = "L3", patient_id = "P3", lesion_site = "lung", detection_date = 2017-05-01}]
[[failing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01, figo_stage = "IIB"}]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "scf", detection_date = 2015-07-31}]
*/
WITH distant AS (
    SELECT patient_id, min(detection_date_lower) AS earliest, min(detection_date_upper) AS latest,
           arg_min(_row_id, detection_date_upper) AS lesion_row_id
    FROM screened.lesion
    WHERE lesion_site <> 'paraaortic' AND lesion_status IS DISTINCT FROM 'regional' AND detection_date IS NOT NULL
    GROUP BY patient_id
)
SELECT t._row_id,
       t.figo_stage <> 'IVB' AND d.earliest - t.dx_date_upper <= $staging_window_days AS is_violated,
       CASE WHEN d.latest - t.dx_date_lower <= $staging_window_days THEN 'error' ELSE 'warning' END AS severity,
       d.lesion_row_id AS other_row_id
FROM screened.primary_tumour AS t JOIN distant AS d USING (patient_id)
WHERE t.figo_stage IS NOT NULL AND t.dx_date IS NOT NULL
