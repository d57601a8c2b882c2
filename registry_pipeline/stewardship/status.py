"""Where a release stands, in a few tables.

Belongs here: the questions behind ``registry status``. Does not belong here: asking and drawing (``cli/query.py``).
"""

STATUS = {
    "release": "SELECT * FROM meta.release",
    "row_account": "SELECT * FROM row_accounting",
    "open_findings": """
        SELECT facility_id, severity, count(*) AS n_findings, count(DISTINCT rule_id) AS n_rules
        FROM open_findings GROUP BY facility_id, severity
        ORDER BY facility_id, array_position(['error', 'warning', 'info'], severity)""",
    "failed_rules": """
        SELECT rule_id, facility_id, severity, table_name FROM quality.rule_result JOIN quality.rule USING (rule_id)
        WHERE status = 'failed_to_run' ORDER BY rule_id, facility_id""",
    "scorecard": """
        SELECT item, part, description, published, computed, ci_lower, ci_upper, n, agrees
        FROM published_and_computed""",
}
