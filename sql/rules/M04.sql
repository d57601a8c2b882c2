/*
table = "measurement"
severity = "warning"
items = ["long_axis_mm"]
message = "The size is about ten times, or a tenth of, that at the neighbouring examination: centimetres and millimetres may be mixed up. Check number and unit."
category = "conformance/value"
source = "P"
[thresholds]
lowest_ratio = 8.0
highest_ratio = 12.0
[[passing]]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 12.0}, {measurement_id = "M2", lesion_id = "L1", exam_id = "X2", long_axis_mm = 14.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}, {exam_id = "X2", patient_id = "P1", exam_date = 2017-07-10}]
[[failing]]
_rows = 2
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 12.0}, {measurement_id = "M2", lesion_id = "L1", exam_id = "X2", long_axis_mm = 1.2}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}, {exam_id = "X2", patient_id = "P1", exam_date = 2017-07-10}]
[[failing]]
_rows = 2
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 12.0}, {measurement_id = "M2", lesion_id = "L1", exam_id = "X2", long_axis_mm = 0.0}, {measurement_id = "M3", lesion_id = "L1", exam_id = "X3", long_axis_mm = 1.2}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}, {exam_id = "X2", patient_id = "P1", exam_date = 2017-07-10}, {exam_id = "X3", patient_id = "P1", exam_date = 2017-10-10}]
[[failing]]
_rows = 2
_told = {suggestion = ["12.0 mm, if the value is in cm", ""]}
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 1.2}, {measurement_id = "M2", lesion_id = "L1", exam_id = "X2", long_axis_mm = 12.0}, {measurement_id = "M3", lesion_id = "L1", exam_id = "X3", long_axis_mm = 12.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}, {exam_id = "X2", patient_id = "P1", exam_date = 2017-07-10}, {exam_id = "X3", patient_id = "P1", exam_date = 2017-10-10}]
*/
WITH series AS (
    SELECT m._row_id, m.long_axis_mm,
           m.long_axis_mm / lag(m.long_axis_mm) OVER neighbour AS to_previous,
           m.long_axis_mm / lead(m.long_axis_mm) OVER neighbour AS to_next,
           lag(m._row_id) OVER neighbour AS previous_row_id, lead(m._row_id) OVER neighbour AS next_row_id
    FROM screened.measurement AS m JOIN screened.imaging_exam AS x USING (exam_id)
    WHERE m.lesion_id IS NOT NULL AND m.long_axis_mm > 0 AND x.exam_date IS NOT NULL
    WINDOW neighbour AS (PARTITION BY m.lesion_id ORDER BY x.exam_date, m._row_id)
),
ratio AS (
    SELECT _row_id, long_axis_mm, unnest([to_previous, to_next]) AS value,
           unnest([previous_row_id, next_row_id]) AS neighbour_row_id
    FROM series
)
SELECT _row_id,
       bool_or(value BETWEEN $lowest_ratio AND $highest_ratio
               OR 1 / value BETWEEN $lowest_ratio AND $highest_ratio) AS is_violated,
       CASE WHEN min(value) < 1 THEN format('{:.1f} mm, if the value is in cm', 10 * any_value(long_axis_mm)) END
           AS suggestion,
       first(neighbour_row_id ORDER BY neighbour_row_id)
           FILTER (WHERE value BETWEEN $lowest_ratio AND $highest_ratio
                      OR 1 / value BETWEEN $lowest_ratio AND $highest_ratio) AS other_row_id
FROM ratio WHERE value IS NOT NULL GROUP BY _row_id
