/*
grain = "One row per finding that waits for somebody, the gravest first. Data managers open this first."
inputs = ["quality.finding"]
*/
SELECT
    finding_id, severity, facility_id, rule_id, table_name, record_key, items, value_text, message, suggestion,
    source_file, sheet, source_row, source_column, status, first_seen_release
FROM quality.finding
WHERE status IN ('open', 'reopened')
ORDER BY
    CASE severity WHEN 'error' THEN 1 WHEN 'warning' THEN 2 ELSE 3 END,
    facility_id, source_file, sheet, source_row, finding_id
