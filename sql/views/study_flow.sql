/*
grain = "One row per step from all patients to the analysed ones (STROBE)."
inputs = ["mart.attrition"]
*/
SELECT step, reason, n_before, n_excluded, n_after
FROM mart.attrition
ORDER BY step
