/*
table = "row_account"
scope = "registry"
severity = "warning"
items = ["n_read"]
inputs = ["quality.row_account", "previous.quality.row_account"]
message = "Fewer than {minimum_percent} % of the rows of the last release arrived. Check whether the export is complete."
category = "completeness"
source = "P"
[thresholds]
minimum_percent = 90
[[passing]]
"quality.row_account" = [{facility_id = "x", n_read = 100, n_superseded = 0}]
"previous.quality.row_account" = [{facility_id = "x", n_read = 100, n_superseded = 0}]
[[failing]]
"quality.row_account" = [{facility_id = "x", n_read = 180, n_superseded = 100}]
"previous.quality.row_account" = [{facility_id = "x", n_read = 100, n_superseded = 0}]
*/
WITH now AS (
    SELECT facility_id, sum(n_read - n_superseded) AS n FROM quality.row_account GROUP BY facility_id
),
old AS (
    SELECT facility_id, sum(n_read - n_superseded) AS n FROM previous.quality.row_account GROUP BY facility_id
)
SELECT facility_id, facility_id AS record_key,
       coalesce(now.n, 0) < $minimum_percent / 100.0 * old.n AS is_violated,
       format('{} rows, {} before', coalesce(now.n, 0), old.n) AS detail
FROM old LEFT JOIN now USING (facility_id)
