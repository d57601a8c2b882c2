/*
grain = "One row per finding that waits for somebody, the gravest first; rows with one common cause are one. Data managers open this first."
inputs = ["quality.finding"]
[columns]
n_rows = "Rows that have this finding; more than one where a common cause is one finding."
*/
SELECT
    finding_id, severity, facility_id, rule_id, table_name, record_key, source_record_id, items, value_text, message, suggestion,
    source_file, sheet, source_row, source_column, status, first_seen_release,
    coalesce(n_rows, 1) AS n_rows
FROM quality.finding
WHERE status IN ('open', 'sent', 'answered', 'reopened') AND systemic_finding_id IS NULL
ORDER BY
    CASE severity WHEN 'error' THEN 1 WHEN 'warning' THEN 2 ELSE 3 END,
    facility_id, source_file, sheet, source_row, finding_id
