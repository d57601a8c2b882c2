/*
table = "attrition"
scope = "registry"
severity = "error"
items = ["n_before", "n_excluded", "n_after"]
inputs = ["mart.attrition", "mart.exclusion", "mart.cohort"]
message = "The flow of patients does not add up: each step must leave what the next one takes, each excluded patient has one reason, and the last step is the cohort. This is a fault of the pipeline: report it."
category = "conformance/computational"
source = "STROBE"
version = 2
[[passing]]
"mart.attrition" = [{step = 1, reason = "a", n_before = 3, n_excluded = 1, n_after = 2}, {step = 2, reason = "b", n_before = 2, n_excluded = 1, n_after = 1}]
"mart.exclusion" = [{patient_id = "P1", facility_id = "x", step = 1, reason = "a"}, {patient_id = "P2", facility_id = "x", step = 2, reason = "b"}]
"mart.cohort" = [{patient_id = "P3", facility_id = "x"}]
[[failing]]
"mart.attrition" = [{step = 1, reason = "a", n_before = 3, n_excluded = 1, n_after = 1}]
"mart.exclusion" = [{patient_id = "P1", facility_id = "x", step = 1, reason = "a"}]
"mart.cohort" = [{patient_id = "P3", facility_id = "x"}]
[[failing]]
"mart.attrition" = [{step = 1, reason = "a", n_before = 3, n_excluded = 2, n_after = 1}]
"mart.exclusion" = [{patient_id = "P1", facility_id = "x", step = 1, reason = "a"}]
"mart.cohort" = [{patient_id = "P3", facility_id = "x"}]
[[failing]]
"mart.attrition" = [{step = 1, reason = "a", n_before = 3, n_excluded = 1, n_after = 2}, {step = 2, reason = "b", n_before = 2, n_excluded = 1, n_after = 1}]
"mart.exclusion" = [{patient_id = "P1", facility_id = "x", step = 1, reason = "a"}, {patient_id = "P1", facility_id = "x", step = 2, reason = "b"}]
"mart.cohort" = [{patient_id = "P3", facility_id = "x"}]
[[failing]]
"mart.attrition" = [{step = 1, reason = "a", n_before = 3, n_excluded = 1, n_after = 2}]
"mart.exclusion" = [{patient_id = "P1", facility_id = "x", step = 1, reason = "a"}]
"mart.cohort" = [{patient_id = "P3", facility_id = "x"}]
*/
WITH first_told AS (SELECT patient_id, min(step) AS step FROM mart.exclusion GROUP BY patient_id),
told AS (
    SELECT e.step, count(*) AS n, count(f.patient_id) AS n_patients
    FROM mart.exclusion AS e LEFT JOIN first_told AS f USING (patient_id, step) GROUP BY e.step
),
flow AS (
    SELECT a.step, a.n_before, a.n_excluded, a.n_after, coalesce(t.n, 0) AS n_named,
           coalesce(t.n_patients, 0) AS n_patients,
           lag(a.n_after) OVER (ORDER BY a.step) AS arrived,
           lead(a.step) OVER (ORDER BY a.step) IS NULL AS is_last
    FROM mart.attrition AS a LEFT JOIN told AS t USING (step)
)
SELECT 'registry' AS facility_id, CAST(step AS VARCHAR) AS record_key,
       n_before - n_excluded <> n_after OR n_named <> n_patients OR coalesce(arrived <> n_before, false) OR n_named <> n_excluded
           OR (is_last AND n_after <> (SELECT count(*) FROM mart.cohort)) AS is_violated,
       format('step {}: {} before, {} excluded, {} after', step, n_before, n_excluded, n_after) AS detail
FROM flow
