/*
table = "measurement"
other_table = "imaging_exam"
severity = "warning"
items = ["suvmax"]
message = "SUVmax lies between 0 and {maximum} and comes from a PET-CT only. Check the value and the examination it belongs to."
category = "plausibility/atemporal"
source = "P"
[thresholds]
maximum = 60.0
[[passing]]
imaging_exam = [{exam_id = "X1", patient_id = "P1", imaging_modality = "petct"}]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", suvmax = 6.3}]
[[failing]]
imaging_exam = [{exam_id = "X1", patient_id = "P1", imaging_modality = "ct"}]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", suvmax = 6.3}]
[[failing]]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", suvmax = 630.0}]
*/
SELECT m._row_id,
       m.suvmax NOT BETWEEN 0 AND $maximum OR coalesce(x.imaging_modality <> 'petct', false) AS is_violated,
       CASE WHEN x.imaging_modality <> 'petct' THEN x._row_id END AS other_row_id
FROM screened.measurement AS m LEFT JOIN screened.imaging_exam AS x USING (exam_id)
WHERE m.suvmax IS NOT NULL
