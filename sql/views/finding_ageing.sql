/*
grain = "One row per facility and severity: how many findings are open and how long they have been, how many are closed and how long that took. Rows with one common cause are one."
inputs = ["quality.finding", "meta.release"]
[columns]
n_open = "Findings that wait for somebody."
median_days_open = "Median days from the release that first showed an open finding to this one."
most_days_open = "The same of the oldest open finding."
n_closed = "Findings that are closed, by themselves or by a decision."
median_days_to_close = "Median days from the release that first showed a closed finding to the one that closed it."
*/
WITH dated AS (
    -- a release's name begins with the moment (UTC) at which it was made
    SELECT f.facility_id, f.severity, f.status IN ('open', 'sent', 'answered', 'reopened') AS is_open,
           try_strptime(substr(f.first_seen_release, 1, 18), '%Y-%m-%dT%H%M%SZ') AS first_seen,
           try_strptime(substr(f.closed_release, 1, 18), '%Y-%m-%dT%H%M%SZ') AS closed,
           r.created_at AS now
    FROM quality.finding AS f CROSS JOIN meta.release AS r
    WHERE f.systemic_finding_id IS NULL
)
SELECT
    facility_id, severity,
    count_if(is_open) AS n_open,
    median(date_diff('day', first_seen, now)) FILTER (WHERE is_open) AS median_days_open,
    max(date_diff('day', first_seen, now)) FILTER (WHERE is_open) AS most_days_open,
    count_if(NOT is_open) AS n_closed,
    median(date_diff('day', first_seen, closed)) FILTER (WHERE NOT is_open) AS median_days_to_close
FROM dated
GROUP BY facility_id, severity
ORDER BY facility_id, CASE severity WHEN 'error' THEN 1 WHEN 'warning' THEN 2 ELSE 3 END
