/*
table = "lrt_course"
scope = "registry"
severity = "warning"
items = ["start_date"]
inputs = ["curated.lrt_course", "curated.primary_tumour", "curated.omd_episode", "curated.lesion", "curated.imaging_exam", "curated.followup", "curated.death", "curated.patient"]
message = "Too many dates fall on the 1st or 15th of a month, or too many therapies start on a Sunday: the dates were probably filled in. Ask for the dates as they are, or for their precision."
category = "plausibility/temporal"
source = "P"
version = 2
[thresholds]
minimum_dates = 20
day_percent = 25
# a day of the week has one seventh by chance, and departments rest on Sundays
sunday_percent = 18
# and more than this many standard errors above chance, so that twenty dates alone do not speak
standard_errors = 3
[[passing]]
"curated.lrt_course" = [{lrt_id = "C1", facility_id = "x", start_date = 2020-01-03, start_date_precision = "day"}]
_repeat = { table = "curated.lrt_course", times = 25, also = [{facility_id = "x", start_date = 2020-03-04, start_date_precision = "day"}] }
[[failing]]
"curated.primary_tumour" = [{tumour_id = "T1", facility_id = "x", dx_date = 2020-01-03, dx_date_precision = "day"}]
_repeat = { table = "curated.primary_tumour", times = 25, also = [{facility_id = "x", dx_date = 2020-03-15, dx_date_precision = "day"}] }
[[failing]]
"curated.lrt_course" = [{lrt_id = "C1", facility_id = "x", start_date = 2020-01-03, start_date_precision = "day"}]
_repeat = { table = "curated.lrt_course", times = 25, also = [{facility_id = "x", start_date = 2020-03-08, start_date_precision = "day"}] }
[[failing]]
"curated.death" = [{patient_id = "P0", facility_id = "x", death_date = 2020-01-03, death_date_precision = "day"}]
_repeat = { table = "curated.death", times = 25, also = [{facility_id = "x", death_date = 2020-03-01, death_date_precision = "day"}] }
[[passing]]
"curated.death" = [{patient_id = "P0", facility_id = "x", death_date = 2020-01-03, death_date_precision = "day"}]
_repeat = { table = "curated.death", times = 25, also = [{facility_id = "x", death_date = 2020-03-15, death_date_precision = "month"}, {facility_id = "x", death_date = 2020-03-08, death_date_precision = "day"}] }
[[passing]]
_judged = 1
"curated.death" = []
_repeat = { table = "curated.death", times = 5, also = [{facility_id = "x", death_date = 2020-03-15, death_date_precision = "day"}, {facility_id = "x", death_date = 2020-03-03, death_date_precision = "day"}, {facility_id = "x", death_date = 2020-03-04, death_date_precision = "day"}, {facility_id = "x", death_date = 2020-03-05, death_date_precision = "day"}] }
[[passing]]
_parameters = {standard_errors = 0}
"curated.lrt_course" = []
_repeat = [{ table = "curated.lrt_course", times = 9, also = [{facility_id = "x", start_date = 2020-03-08, start_date_precision = "day"}] }, { table = "curated.lrt_course", times = 41, also = [{facility_id = "x", start_date = 2020-03-04, start_date_precision = "day"}] }]
*/
WITH dated AS (
    SELECT facility_id, 'lrt_course' AS table_name, 'start_date' AS items, start_date AS day,
           start_date_precision AS date_precision, true AS is_therapy
    FROM curated.lrt_course
    UNION ALL SELECT facility_id, 'primary_tumour', 'dx_date', dx_date, dx_date_precision, false FROM curated.primary_tumour
    UNION ALL SELECT facility_id, 'omd_episode', 'omd_dx_date', omd_dx_date, omd_dx_date_precision, false
    FROM curated.omd_episode
    UNION ALL SELECT facility_id, 'lesion', 'detection_date', detection_date, detection_date_precision, false
    FROM curated.lesion
    UNION ALL SELECT facility_id, 'imaging_exam', 'exam_date', exam_date, exam_date_precision, false
    FROM curated.imaging_exam
    UNION ALL SELECT facility_id, 'followup', 'contact_date', contact_date, contact_date_precision, false
    FROM curated.followup
    UNION ALL SELECT facility_id, 'death', 'death_date', death_date, death_date_precision, false FROM curated.death
    UNION ALL SELECT facility_id, 'patient', 'birth_date', birth_date, birth_date_precision, false FROM curated.patient
),
counted AS (
    SELECT facility_id, table_name, items, count(*) AS n,
           100.0 * count(*) FILTER (WHERE day(day) IN (1, 15)) / count(*) AS on_fixed_days,
           100.0 * count(*) FILTER (WHERE is_therapy AND dayofweek(day) = 0) / count(*) AS on_sundays
    FROM dated WHERE day IS NOT NULL AND date_precision = 'day' GROUP BY ALL
)
SELECT facility_id, table_name, items, table_name || '.' || items AS record_key,
       (on_fixed_days > $day_percent
           AND on_fixed_days > 100 * (24 / 365.25 + $standard_errors * sqrt(24 / 365.25 * (1 - 24 / 365.25) / n)))
           OR (on_sundays > $sunday_percent
               AND on_sundays > 100 * (1 / 7.0 + $standard_errors * sqrt(1 / 7.0 * (6 / 7.0) / n))) AS is_violated,
       format('{:.0f} % on the 1st or 15th, {:.0f} % on Sundays, of {}', on_fixed_days, on_sundays, n) AS detail
FROM counted WHERE n >= $minimum_dates
