/*
table = "lesion"
judges = ["lesion", "imaging_region"]
other_table = "measurement"
severity = "error"
items = ["last_negative_date"]
message = "An examination counts as negative although the lesion had already been measured and not yet treated. Name an examination before the first measurement, or correct the impression."
category = "plausibility/temporal"
source = "P"
version = 2
[[passing]]
lesion = [{lesion_id = "L1", patient_id = "P1", last_negative_date = 2017-01-10}]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 12.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}]
[[failing]]
lesion = [{lesion_id = "L1", patient_id = "P1", last_negative_date = 2017-06-10}]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 12.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}]
[[failing]]
_severity = "warning"
lesion = [{lesion_id = "L1", patient_id = "P1", last_negative_date = 2017-07-01, last_negative_date_precision = "year", last_negative_date_lower = 2017-01-01, last_negative_date_upper = 2017-12-31}]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 12.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}]
[[failing]]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "lung"}]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 12.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}, {exam_id = "X2", patient_id = "P1", exam_date = 2017-06-10, imaging_modality = "ct"}]
imaging_region = [{exam_id = "X2", patient_id = "P1", body_region = "chest", impression = "neg"}]
[[passing]]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "lung"}]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 12.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}, {exam_id = "X2", patient_id = "P1", exam_date = 2017-12-10, imaging_modality = "ct"}]
imaging_region = [{exam_id = "X2", patient_id = "P1", body_region = "chest", impression = "neg"}]
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2017-05-01}]
[[failing]]
_severity = "warning"
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "lung"}]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 12.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}, {exam_id = "X2", patient_id = "P1", exam_date = 2017-04-15, exam_date_precision = "month", exam_date_lower = 2017-04-01, exam_date_upper = 2017-04-30, imaging_modality = "ct"}]
imaging_region = [{exam_id = "X2", patient_id = "P1", body_region = "whole_body", impression = "neg"}]
[[passing]]
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "lung", last_negative_date = 2017-03-10}]
measurement = [{measurement_id = "M0", lesion_id = "L1", exam_id = "X0", long_axis_mm = 0.0}, {measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 12.0}]
imaging_exam = [{exam_id = "X0", patient_id = "P1", exam_date = 2017-01-10}, {exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10, imaging_modality = "ct"}, {exam_id = "X2", patient_id = "P1", exam_date = 2017-04-20, imaging_modality = "ct"}, {exam_id = "X3", patient_id = "P1", exam_date = 2017-05-01, imaging_modality = "ct"}]
imaging_region = [{exam_id = "X1", patient_id = "P1", body_region = "chest", impression = "neg"}, {exam_id = "X2", patient_id = "P1", body_region = "chest", impression = "pos"}, {exam_id = "X3", patient_id = "P1", body_region = "chest", impression = "neg"}]
lrt_course = [{lrt_id = "C1", patient_id = "P1", start_date = 2017-05-01}]
[[failing]]
lesion = [{lesion_id = "L1", patient_id = "P1", last_negative_date = 2017-04-10}]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 12.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-10}]
[[failing]]
_severity = "warning"
_rows = 2
lesion = [{lesion_id = "L1", patient_id = "P1", lesion_site = "lung"}, {lesion_id = "L2", patient_id = "P2", lesion_site = "lung"}]
measurement = [{measurement_id = "M1", lesion_id = "L1", exam_id = "X1", long_axis_mm = 12.0}, {measurement_id = "M2", lesion_id = "L2", exam_id = "X2", long_axis_mm = 12.0}]
imaging_exam = [{exam_id = "X1", patient_id = "P1", exam_date = 2017-04-01}, {exam_id = "X2", patient_id = "P2", exam_date = 2017-03-10}, {exam_id = "X3", patient_id = "P1", exam_date = 2017-04-15, exam_date_precision = "month", exam_date_lower = 2017-04-01, exam_date_upper = 2017-04-30, imaging_modality = "ct"}, {exam_id = "X4", patient_id = "P2", exam_date = 2017-04-15, exam_date_precision = "month", exam_date_lower = 2017-04-01, exam_date_upper = 2017-04-30, imaging_modality = "ct"}]
imaging_region = [{exam_id = "X3", patient_id = "P1", body_region = "chest", impression = "neg"}, {exam_id = "X4", patient_id = "P2", body_region = "chest", impression = "neg"}]
lrt_course = [{lrt_id = "C2", patient_id = "P2", start_date = 2017-04-30}]
*/
WITH covers (lesion_site, body_region) AS (
    -- Which region an examination has to cover to speak of a site, as in mart.lesion_growth; whole body covers all.
    VALUES ('scf', 'neck'), ('lung', 'chest'), ('mediastinal_ln', 'chest'), ('liver', 'abdomen'), ('adrenal', 'abdomen')
),
first_seen AS (
    SELECT m.lesion_id, min(x.exam_date_lower) AS earliest, min(x.exam_date_upper) AS latest,
           arg_min(m._row_id, x.exam_date_upper) AS measurement_row_id
    FROM screened.measurement AS m JOIN screened.imaging_exam AS x USING (exam_id)
    WHERE m.long_axis_mm > 0 GROUP BY m.lesion_id
),
seen AS (
    -- per patient and region the first of the lesions there; any of them contradicts a later negative finding
    SELECT l.patient_id, c.body_region, min(f.earliest) AS earliest, min(f.latest) AS latest,
           arg_min(f.measurement_row_id, f.latest) AS measurement_row_id
    FROM screened.lesion AS l JOIN first_seen AS f USING (lesion_id)
    JOIN (SELECT lesion_site, body_region FROM covers
          UNION ALL SELECT DISTINCT lesion_site, 'whole_body' FROM screened.lesion) AS c
      ON l.lesion_site IS NOT DISTINCT FROM c.lesion_site
    WHERE f.earliest IS NOT NULL GROUP BY l.patient_id, c.body_region
),
treated AS (
    -- from the first treatment on a lesion may vanish
    SELECT patient_id, min(first_day) AS first_day
    FROM (SELECT patient_id, start_date_lower AS first_day FROM screened.lrt_course
          UNION ALL SELECT patient_id, start_date_lower FROM screened.systemic_line) GROUP BY patient_id
)
SELECT 'lesion' AS table_name, l._row_id, 'last_negative_date' AS items,
       l.last_negative_date_upper >= f.earliest AS is_violated,
       CASE WHEN l.last_negative_date_lower >= f.latest THEN 'error' ELSE 'warning' END AS severity,
       f.measurement_row_id AS other_row_id
FROM screened.lesion AS l JOIN first_seen AS f USING (lesion_id)
UNION ALL BY NAME
SELECT 'imaging_region' AS table_name, r._row_id, 'impression' AS items,
       coalesce(x.exam_date_upper > s.earliest AND coalesce(x.exam_date_lower < t.first_day, true), false)
           AS is_violated,
       CASE WHEN x.exam_date_lower > s.latest AND coalesce(x.exam_date_upper < t.first_day, true)
            THEN 'error' ELSE 'warning' END AS severity, s.measurement_row_id AS other_row_id
FROM screened.imaging_region AS r JOIN screened.imaging_exam AS x USING (exam_id)
JOIN seen AS s ON s.patient_id = x.patient_id AND s.body_region = r.body_region
LEFT JOIN treated AS t ON t.patient_id = x.patient_id
WHERE r.impression = 'neg' AND x.imaging_modality IN ('ct', 'petct', 'mri')
