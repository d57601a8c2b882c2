/*
table = "measurement"
severity = "warning"
items = ["exam_id"]
message = "The imaging modality changes within the lesion's series; sizes from different modalities cannot be compared safely. Confirm that the size was read on the modality named."
category = "plausibility/atemporal"
source = "X"
[[passing]]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 6.0}, {measurement_id = "M2", lesion_id = "L1", exam_id = "X2", long_axis_mm = 9.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10, imaging_modality = "ct"}, {exam_id = "X2", patient_id = "P1", exam_date = 2017-05-01, imaging_modality = "ct"}]
[[failing]]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 6.0}, {measurement_id = "M2", lesion_id = "L1", exam_id = "X2", long_axis_mm = 9.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10, imaging_modality = "ct"}, {exam_id = "X2", patient_id = "P1", exam_date = 2017-05-01, imaging_modality = "cxr"}]
[[passing]]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 6.0}, {measurement_id = "M2", lesion_id = "L1", exam_id = "X2"}, {measurement_id = "M3", lesion_id = "L1", exam_id = "X3", long_axis_mm = 6.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10, imaging_modality = "ct"}, {exam_id = "X2", patient_id = "P1", exam_date = 2017-05-01, imaging_modality = "cxr"}, {exam_id = "X3", patient_id = "P1", exam_date = 2017-06-01, imaging_modality = "ct"}]
*/
WITH series AS (
    SELECT m._row_id, x.imaging_modality,
           lag(x.imaging_modality) OVER neighbour AS earlier, lag(m._row_id) OVER neighbour AS other_row_id
    FROM screened.measurement AS m JOIN screened.imaging_exam AS x USING (exam_id)
    WHERE m.lesion_id IS NOT NULL AND m.long_axis_mm IS NOT NULL AND x.imaging_modality IS NOT NULL AND x.exam_date IS NOT NULL
    WINDOW neighbour AS (PARTITION BY m.lesion_id ORDER BY x.exam_date, m._row_id)
)
SELECT _row_id, imaging_modality <> earlier AS is_violated, earlier || ', then ' || imaging_modality AS detail, other_row_id
FROM series WHERE earlier IS NOT NULL
