/*
table = "measurement"
no_second_record = "the record is wrong by itself; others only say how it is judged"
severity = "warning"
items = ["is_measurable", "long_axis_mm"]
message = "The lesion is called measurable although it is smaller than 10 mm or than twice the slice thickness (RECIST 1.1). Correct the mark or the size."
category = "conformance/relational"
source = "X"
[[passing]]
lesion = [{lesion_id = "L1", patient_id = "P1", is_node = false}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", slice_mm = 5.0}]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 8.0, is_measurable = false}]
[[failing]]
lesion = [{lesion_id = "L1", patient_id = "P1", is_node = false}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", slice_mm = 7.0}]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 12.0, is_measurable = true}]
[[passing]]
lesion = [{lesion_id = "L1", patient_id = "P1", is_node = false}, {lesion_id = "L2", patient_id = "P1", is_node = true}]
measurement = [{measurement_id = "M1", lesion_id = "L1", long_axis_mm = 10.0, is_measurable = true}, {measurement_id = "M2", lesion_id = "L2", long_axis_mm = 8.0, is_measurable = true}]
*/
SELECT m._row_id,
       m.is_measurable AND m.long_axis_mm < greatest(10, 2 * coalesce(x.slice_mm, 5)) AS is_violated
FROM screened.measurement AS m JOIN screened.lesion AS l USING (lesion_id)
LEFT JOIN screened.imaging_exam AS x USING (exam_id)
WHERE m.is_measurable IS NOT NULL AND m.long_axis_mm IS NOT NULL 
  AND NOT coalesce(l.is_node, l.lesion_site IN ('scf', 'mediastinal_ln', 'paraaortic'), false)
