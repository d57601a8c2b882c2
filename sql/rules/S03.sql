/*
table = "row_account"
scope = "registry"
severity = "warning"
items = ["n_read"]
inputs = ["quality.row_account", "meta.submission", "previous.quality.row_account", "previous.meta.submission"]
message = "Fewer than {minimum_percent} % of the rows of the last release arrived from a source. Check whether the export is complete."
category = "completeness"
source = "P"
version = 2
[thresholds]
minimum_percent = 90
[[passing]]
"quality.row_account" = [{facility_id = "x", source_file = "a.csv", submission_id = "s1", n_read = 100, n_superseded = 0}]
"previous.quality.row_account" = [{facility_id = "x", source_file = "a.csv", submission_id = "s1", n_read = 100, n_superseded = 0}]
[[failing]]
"quality.row_account" = [{facility_id = "x", source_file = "a.csv", submission_id = "s1", n_read = 180, n_superseded = 100}]
"previous.quality.row_account" = [{facility_id = "x", source_file = "a.csv", submission_id = "s1", n_read = 100, n_superseded = 0}]
[[failing]]
"quality.row_account" = [{facility_id = "x", source_file = "a_2.csv", submission_id = "s2", n_read = 20, n_superseded = 0}, {facility_id = "x", source_file = "b.csv", submission_id = "s2", n_read = 900, n_superseded = 0}]
"previous.quality.row_account" = [{facility_id = "x", source_file = "a.csv", submission_id = "s1", n_read = 100, n_superseded = 0}, {facility_id = "x", source_file = "b.csv", submission_id = "s1", n_read = 500, n_superseded = 0}]
"meta.submission" = [{facility_id = "x", source_file = "a_2.csv", submission_id = "s2", source_name = "deaths"}, {facility_id = "x", source_file = "b.csv", submission_id = "s2", source_name = "visits"}]
"previous.meta.submission" = [{facility_id = "x", source_file = "a.csv", submission_id = "s1", source_name = "deaths"}, {facility_id = "x", source_file = "b.csv", submission_id = "s1", source_name = "visits"}]
[[passing]]
"quality.row_account" = [{facility_id = "x", source_file = "a.csv", submission_id = "s1", n_read = 90, n_superseded = 0}]
"previous.quality.row_account" = [{facility_id = "x", source_file = "a.csv", submission_id = "s1", n_read = 100, n_superseded = 0}]
*/
WITH now AS (
    SELECT a.facility_id, coalesce(f.source_name, a.source_file, '') AS source, sum(a.n_read - a.n_superseded) AS n
    FROM quality.row_account AS a
    LEFT JOIN (SELECT DISTINCT facility_id, submission_id, source_file, source_name FROM meta.submission) AS f
      USING (facility_id, submission_id, source_file)
    GROUP BY ALL
),
old AS (
    SELECT a.facility_id, coalesce(f.source_name, a.source_file, '') AS source, sum(a.n_read - a.n_superseded) AS n
    FROM previous.quality.row_account AS a
    LEFT JOIN (SELECT DISTINCT facility_id, submission_id, source_file, source_name FROM previous.meta.submission) AS f
      USING (facility_id, submission_id, source_file)
    GROUP BY ALL
)
SELECT facility_id, source AS record_key,
       coalesce(now.n, 0) < $minimum_percent / 100.0 * old.n AS is_violated,
       format('{} rows, {} before', coalesce(now.n, 0), old.n) AS detail
FROM old LEFT JOIN now USING (facility_id, source)
