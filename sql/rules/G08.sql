/*
table = "measurement"
scope = "registry"
severity = "warning"
items = ["long_axis_mm"]
inputs = ["curated.measurement"]
message = "Too many sizes end in 0 or 5 (more than {digit_percent} %) or are exactly the cutpoint (more than {cutpoint_percent} %, or more than {neighbour_ratio} times as many as at the sizes around it): they were probably rounded. Ask for the sizes as measured."
category = "plausibility/atemporal"
source = "P"
version = 2
[thresholds]
digit_percent = 40
cutpoint_percent = 15
minimum_sizes = 20
# sizes are rounded to whole millimetres everywhere: heaping shows against the neighbours, 3 mm to either side
neighbour_ratio = 4
minimum_at_cutpoint = 10
[[passing]]
"curated.measurement" = [{measurement_id = "M1", facility_id = "x", long_axis_mm = 15.0}]
_repeat = { table = "curated.measurement", times = 10, also = [{facility_id = "x", long_axis_mm = 12.3}, {facility_id = "x", long_axis_mm = 8.0}, {facility_id = "x", long_axis_mm = 20.0}] }
[[failing]]
"curated.measurement" = [{measurement_id = "M1", facility_id = "x", long_axis_mm = 12.0}]
_repeat = { table = "curated.measurement", times = 15, also = [{facility_id = "x", long_axis_mm = 20.0}, {facility_id = "x", long_axis_mm = 15.0}] }
[[failing]]
"curated.measurement" = [{measurement_id = "M1", facility_id = "x", long_axis_mm = 12.0}]
_repeat = { table = "curated.measurement", times = 15, also = [{facility_id = "x", long_axis_mm = 22.0}, {facility_id = "x", long_axis_mm = 15.0}] }
[[failing]]
"curated.measurement" = [{measurement_id = "M1", facility_id = "x", long_axis_mm = 12.0}]
_repeat = { table = "curated.measurement", times = 12, also = [{facility_id = "x", long_axis_mm = 15.0}, {facility_id = "x", long_axis_mm = 14.0}, {facility_id = "x", long_axis_mm = 22.0}, {facility_id = "x", long_axis_mm = 23.0}, {facility_id = "x", long_axis_mm = 24.0}, {facility_id = "x", long_axis_mm = 26.0}, {facility_id = "x", long_axis_mm = 27.0}, {facility_id = "x", long_axis_mm = 28.0}] }
[[passing]]
_judged = 1
"curated.measurement" = []
_repeat = [{ table = "curated.measurement", times = 3, also = [{facility_id = "x", long_axis_mm = 15.0}] }, { table = "curated.measurement", times = 5, also = [{facility_id = "x", long_axis_mm = 20.0}] }, { table = "curated.measurement", times = 12, also = [{facility_id = "x", long_axis_mm = 8.0}] }]
[[passing]]
"curated.measurement" = []
_repeat = [{ table = "curated.measurement", times = 10, also = [{facility_id = "x", long_axis_mm = 15.0}] }, { table = "curated.measurement", times = 15, also = [{facility_id = "x", long_axis_mm = 12.0}] }, { table = "curated.measurement", times = 75, also = [{facility_id = "x", long_axis_mm = 33.0}] }]
[[failing]]
"curated.measurement" = []
_repeat = [{ table = "curated.measurement", times = 10, also = [{facility_id = "x", long_axis_mm = 15.0}] }, { table = "curated.measurement", times = 14, also = [{facility_id = "x", long_axis_mm = 12.0}] }, { table = "curated.measurement", times = 76, also = [{facility_id = "x", long_axis_mm = 33.0}] }]
[[failing]]
"curated.measurement" = []
_repeat = { table = "curated.measurement", times = 8, also = [{facility_id = "x", long_axis_mm = 20.0}, {facility_id = "x", long_axis_mm = 30.0}, {facility_id = "x", long_axis_mm = 8.0}] }
[[failing]]
"curated.measurement" = []
_repeat = { table = "curated.measurement", times = 5, also = [{facility_id = "x", long_axis_mm = 15.0}, {facility_id = "x", long_axis_mm = 8.0}, {facility_id = "x", long_axis_mm = 9.0}, {facility_id = "x", long_axis_mm = 7.0}] }
*/
WITH counted AS (
    SELECT facility_id, count(*) AS n,
           count(*) FILTER (WHERE long_axis_mm = $cutpoint_mm) AS n_at_cutpoint,
           count(*) FILTER (WHERE abs(long_axis_mm - $cutpoint_mm) <= 3 AND long_axis_mm <> $cutpoint_mm) / 6.0
               AS n_at_neighbours,
           100.0 * count(*) FILTER (WHERE long_axis_mm % 5 = 0) / count(*) AS round_percent,
           100.0 * count(*) FILTER (WHERE long_axis_mm = $cutpoint_mm) / count(*) AS at_cutpoint_percent
    FROM curated.measurement WHERE long_axis_mm IS NOT NULL GROUP BY facility_id
)
SELECT facility_id, 'long_axis_mm' AS record_key,
       round_percent > $digit_percent OR at_cutpoint_percent > $cutpoint_percent
           OR (n_at_cutpoint >= $minimum_at_cutpoint AND n_at_cutpoint > $neighbour_ratio * n_at_neighbours)
           AS is_violated,
       format('{:.0f} % end in 0 or 5, {:.0f} % at the cutpoint, of {}', round_percent, at_cutpoint_percent, n) AS detail
FROM counted WHERE n >= $minimum_sizes
