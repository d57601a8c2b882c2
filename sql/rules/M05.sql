/*
table = "measurement"
no_second_record = "it asks for records that are not there"
severity = "warning"
items = ["short_axis_mm"]
message = "A node with a short axis below {minimum_mm} mm is treated as a metastasis without biopsy or PET-CT. Confirm the metastasis, or give the evidence."
category = "plausibility/atemporal"
source = "X"
[thresholds]
minimum_mm = 10.0
[[passing]]
lesion = [{lesion_id = "L1", patient_id = "P1", is_node = true, is_biopsied = true}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", imaging_modality = "ct"}]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", short_axis_mm = 8.0}]
[[failing]]
lesion = [{lesion_id = "L1", patient_id = "P1", is_node = true}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", imaging_modality = "ct"}]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", short_axis_mm = 8.0}]
[[passing]]
lesion = [{lesion_id = "L1", patient_id = "P1", is_node = true}, {lesion_id = "L2", patient_id = "P1", is_node = false}, {lesion_id = "L3", patient_id = "P1", lesion_site = "scf"}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", imaging_modality = "petct"}]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", short_axis_mm = 8.0}, {measurement_id = "M2", lesion_id = "L2", short_axis_mm = 8.0}, {measurement_id = "M3", lesion_id = "L3", short_axis_mm = 10.0}]
[[failing]]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "scf"}]
measurement = [{measurement_id = "M1", lesion_id = "L1", short_axis_mm = 9.9}]
*/
SELECT m._row_id,
       m.short_axis_mm < $minimum_mm AND l.is_biopsied IS DISTINCT FROM true AND NOT EXISTS (
           SELECT 1 FROM screened.measurement AS o JOIN screened.imaging_exam AS x ON x.exam_id = o.exam_id
           WHERE o.lesion_id = m.lesion_id AND x.imaging_modality = 'petct'
       ) AS is_violated
FROM screened.measurement AS m JOIN screened.lesion AS l USING (lesion_id)
WHERE m.short_axis_mm IS NOT NULL AND coalesce(l.is_node, l.lesion_site IN ('scf', 'mediastinal_ln'))
  AND coalesce(m.series_role, 'baseline') <> 'post'
