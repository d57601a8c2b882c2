/*
table = "measurement"
severity = "warning"
items = ["long_axis_mm"]
message = "The size stands unchanged over three or more examinations, also after the local therapy: it may have been copied. Read the size again from the report."
category = "plausibility/temporal"
source = "P"
[[passing]]
measurement = [{measurement_id = "M1", lesion_id = "L1", patient_id = "P1", exam_id = "X1", long_axis_mm = 9.0}, {measurement_id = "M2", lesion_id = "L1", patient_id = "P1", exam_id = "X2", long_axis_mm = 9.0}, {measurement_id = "M3", lesion_id = "L1", patient_id = "P1", exam_id = "X3", long_axis_mm = 7.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}, {exam_id = "X2", patient_id = "P1", exam_date = 2017-07-10}, {exam_id = "X3", patient_id = "P1", exam_date = 2017-10-10}]
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2017-05-01}]
[[failing]]
measurement = [{measurement_id = "M1", lesion_id = "L1", patient_id = "P1", exam_id = "X1", long_axis_mm = 9.0}, {measurement_id = "M2", lesion_id = "L1", patient_id = "P1", exam_id = "X2", long_axis_mm = 9.0}, {measurement_id = "M3", lesion_id = "L1", patient_id = "P1", exam_id = "X3", long_axis_mm = 9.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}, {exam_id = "X2", patient_id = "P1", exam_date = 2017-07-10}, {exam_id = "X3", patient_id = "P1", exam_date = 2017-10-10}]
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2017-05-01}]
[[passing]]
measurement = [{measurement_id = "M1", lesion_id = "L1", patient_id = "P1", exam_id = "X1", long_axis_mm = 7.0}, {measurement_id = "M2", lesion_id = "L1", patient_id = "P1", exam_id = "X2", long_axis_mm = 9.0}, {measurement_id = "M3", lesion_id = "L1", patient_id = "P1", exam_id = "X3", long_axis_mm = 9.0}, {measurement_id = "M4", lesion_id = "L2", patient_id = "P2", exam_id = "Y1", long_axis_mm = 9.0}, {measurement_id = "M5", lesion_id = "L2", patient_id = "P2", exam_id = "Y2", long_axis_mm = 9.0}, {measurement_id = "M6", lesion_id = "L2", patient_id = "P2", exam_id = "Y3", long_axis_mm = 9.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}, {exam_id = "X2", patient_id = "P1", exam_date = 2017-07-10}, {exam_id = "X3", patient_id = "P1", exam_date = 2017-10-10}, {exam_id = "Y1", patient_id = "P2", exam_date = 2017-04-10}, {exam_id = "Y2", patient_id = "P2", exam_date = 2017-04-20}, {exam_id = "Y3", patient_id = "P2", exam_date = 2017-05-01}]
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2017-05-01}, {lrt_id = "C2", patient_id = "P2", start_date = 2017-05-01}]
[[failing]]
measurement = [{measurement_id = "M1", lesion_id = "L1", patient_id = "P1", exam_id = "X1", long_axis_mm = 9.0}, {measurement_id = "M2", lesion_id = "L1", patient_id = "P1", exam_id = "X2", long_axis_mm = 9.0}, {measurement_id = "M3", lesion_id = "L1", patient_id = "P1", exam_id = "X3"}, {measurement_id = "M4", lesion_id = "L1", patient_id = "P1", exam_id = "X4", long_axis_mm = 9.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}, {exam_id = "X2", patient_id = "P1", exam_date = 2017-07-10}, {exam_id = "X3", patient_id = "P1", exam_date = 2017-10-10}, {exam_id = "X4", patient_id = "P1", exam_date = 2017-12-10}]
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2017-05-01}]
*/
WITH series AS (
    SELECT m._row_id, m.patient_id, x.exam_date_lower AS first_day, m.long_axis_mm,
           lag(m.long_axis_mm, 1) OVER neighbour AS before_1, lag(m.long_axis_mm, 2) OVER neighbour AS before_2,
           lag(m._row_id, 1) OVER neighbour AS before_row_id
    FROM screened.measurement AS m JOIN screened.imaging_exam AS x USING (exam_id)
    WHERE m.lesion_id IS NOT NULL AND m.long_axis_mm IS NOT NULL AND x.exam_date IS NOT NULL
    WINDOW neighbour AS (PARTITION BY m.lesion_id ORDER BY x.exam_date, m._row_id)
),
treated AS (
    SELECT patient_id, min(start_date_upper) AS treated_until FROM screened.lrt_course
    WHERE start_date IS NOT NULL GROUP BY patient_id
)
SELECT s._row_id,
       s.long_axis_mm = s.before_1 AND s.long_axis_mm = s.before_2 AND s.first_day > t.treated_until AS is_violated,
       s.before_row_id AS other_row_id
FROM series AS s JOIN treated AS t USING (patient_id)
WHERE s.before_2 IS NOT NULL
