/*
sentence = "Rows read are the rows curated, quarantined, duplicate, superseded, blank or rejected, per file and sheet"
inputs = ["quality.row_account"]
*/
SELECT
    count(*) FILTER (
        n_read <> n_curated + n_quarantined + n_duplicate + n_superseded + n_blank + n_rejected + n_unrouted
        OR least(n_read, n_curated, n_quarantined, n_duplicate, n_superseded, n_blank, n_rejected, n_unrouted) < 0
    ) AS n_violated,
    count(*) AS n_denominator
FROM quality.row_account
