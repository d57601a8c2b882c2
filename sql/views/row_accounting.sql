/*
grain = "One row per facility: what became of every row that it ever sent."
inputs = ["quality.row_account"]
[columns]
n_files = "Files received."
*/
SELECT
    facility_id,
    count(DISTINCT source_file) AS n_files,
    sum(n_read) AS n_read,
    sum(n_curated) AS n_curated,
    sum(n_quarantined) AS n_quarantined,
    sum(n_duplicate) AS n_duplicate,
    sum(n_superseded) AS n_superseded,
    sum(n_blank) AS n_blank,
    sum(n_rejected) AS n_rejected,
    sum(n_unrouted) AS n_unrouted
FROM quality.row_account
GROUP BY facility_id
ORDER BY facility_id
