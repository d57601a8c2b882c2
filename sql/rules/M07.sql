/*
table = "measurement"
severity = "warning"
items = ["long_axis_mm"]
message = "The lesion grew more than {growth_ratio}-fold in less than {growth_days} days, or shrank by more than {shrinkage_percent} % without treatment. Check sizes, dates and whether it is the same lesion."
category = "plausibility/temporal"
source = "P"
[thresholds]
growth_ratio = 3.0
growth_days = 30
shrinkage_percent = 30
[[passing]]
measurement = [{measurement_id = "M1", lesion_id = "L1", patient_id = "P1", exam_id = "X1", long_axis_mm = 6.0}, {measurement_id = "M2", lesion_id = "L1", patient_id = "P1", exam_id = "X2", long_axis_mm = 9.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}, {exam_id = "X2", patient_id = "P1", exam_date = 2017-05-01}]
[[passing]]
measurement = [{measurement_id = "M1", lesion_id = "L1", patient_id = "P1", exam_id = "X1", long_axis_mm = 16.0}, {measurement_id = "M2", lesion_id = "L1", patient_id = "P1", exam_id = "X2", long_axis_mm = 8.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}, {exam_id = "X2", patient_id = "P1", exam_date = 2017-09-01}]
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2017-05-01}]
[[failing]]
measurement = [{measurement_id = "M1", lesion_id = "L1", patient_id = "P1", exam_id = "X1", long_axis_mm = 6.0}, {measurement_id = "M2", lesion_id = "L1", patient_id = "P1", exam_id = "X2", long_axis_mm = 24.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}, {exam_id = "X2", patient_id = "P1", exam_date = 2017-05-01}]
[[failing]]
measurement = [{measurement_id = "M1", lesion_id = "L1", patient_id = "P1", exam_id = "X1", long_axis_mm = 16.0}, {measurement_id = "M2", lesion_id = "L1", patient_id = "P1", exam_id = "X2", long_axis_mm = 8.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}, {exam_id = "X2", patient_id = "P1", exam_date = 2017-09-01}]
[[passing]]
measurement = [{measurement_id = "M1", lesion_id = "L1", patient_id = "P1", exam_id = "X1", long_axis_mm = 6.0}, {measurement_id = "M2", lesion_id = "L1", patient_id = "P1", exam_id = "X2", long_axis_mm = 0.0}, {measurement_id = "M3", lesion_id = "L1", patient_id = "P1", exam_id = "X3", long_axis_mm = 18.0}, {measurement_id = "M4", lesion_id = "L2", patient_id = "P1", exam_id = "X1", long_axis_mm = 6.0}, {measurement_id = "M5", lesion_id = "L2", patient_id = "P1", exam_id = "X4", long_axis_mm = 24.0}, {measurement_id = "M6", lesion_id = "L3", patient_id = "P1", exam_id = "X1", long_axis_mm = 10.0}, {measurement_id = "M7", lesion_id = "L3", patient_id = "P1", exam_id = "X2", long_axis_mm = 7.0}, {measurement_id = "M8", lesion_id = "L4", patient_id = "P1", exam_id = "X1", long_axis_mm = 16.0}, {measurement_id = "M9", lesion_id = "L4", patient_id = "P1", exam_id = "X4", long_axis_mm = 8.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}, {exam_id = "X2", patient_id = "P1", exam_date = 2017-04-20}, {exam_id = "X3", patient_id = "P1", exam_date = 2017-05-01}, {exam_id = "X4", patient_id = "P1", exam_date = 2017-05-10}]
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2017-05-10}]
*/
WITH series AS (
    SELECT m._row_id, m.patient_id, x.exam_date, m.long_axis_mm,
           lag(m.long_axis_mm) OVER neighbour AS earlier_mm, lag(m._row_id) OVER neighbour AS earlier_row_id,
           x.exam_date - lag(x.exam_date) OVER neighbour AS days
    FROM screened.measurement AS m JOIN screened.imaging_exam AS x USING (exam_id)
    WHERE m.lesion_id IS NOT NULL AND m.long_axis_mm > 0 AND x.exam_date_precision = 'day'
    WINDOW neighbour AS (PARTITION BY m.lesion_id ORDER BY x.exam_date, m._row_id)
),
treated AS (
    SELECT patient_id, min(first_day) AS first_day
    FROM (SELECT patient_id, start_date_lower AS first_day FROM screened.lrt_course
          UNION ALL SELECT patient_id, start_date_lower FROM screened.systemic_line) GROUP BY patient_id
)
SELECT s._row_id,
       (s.long_axis_mm > $growth_ratio * s.earlier_mm AND s.days < $growth_days)
           OR (s.long_axis_mm < (1 - $shrinkage_percent / 100.0) * s.earlier_mm
               AND coalesce(s.exam_date < t.first_day, true)) AS is_violated,
       format('{:.1f} mm, then {:.1f} mm after {} days', s.earlier_mm, s.long_axis_mm, s.days) AS detail,
       s.earlier_row_id AS other_row_id
FROM series AS s LEFT JOIN treated AS t USING (patient_id)
WHERE s.earlier_mm IS NOT NULL
