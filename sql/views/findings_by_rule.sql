/*
grain = "One row per rule and facility that the rule applies to: how many records break it, of how many."
inputs = ["quality.rule_result", "quality.rule"]
[columns]
percent_violated = "Share of the judged records that break the rule, in per cent."
*/
SELECT
    rule_result.rule_id,
    rule_result.facility_id,
    rule.severity,
    rule.table_name,
    rule_result.status,
    rule_result.n_violated,
    rule_result.n_denominator,
    100.0 * rule_result.n_violated / nullif(rule_result.n_denominator, 0) AS percent_violated,
    rule.message
FROM quality.rule_result
INNER JOIN quality.rule USING (rule_id)
WHERE rule_result.status <> 'not_applicable'
ORDER BY rule_result.n_violated DESC NULLS LAST, rule_result.rule_id, rule_result.facility_id
