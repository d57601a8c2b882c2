/*
table = "primary_tumour"
scope = "registry"
severity = "error"
items = ["tumour_id"]
inputs = ["comparison.change", "comparison.record", "previous.curated.patient"]
message = "The facility still sends the records, but no value of '{column}' any more: the column was probably left out of the export, or its name or codes have changed. Send it again, or confirm that it is no longer collected."
category = "completeness"
source = "P"
[[passing]]
"curated.primary_tumour" = [{tumour_id = "T0", patient_id = "P1", facility_id = "x", scc_ag_ng_ml = 2.5}, {tumour_id = "T1", patient_id = "P1", facility_id = "x", scc_ag_ng_ml = 2.5}, {tumour_id = "T2", patient_id = "P1", facility_id = "x", scc_ag_ng_ml = 2.5}, {tumour_id = "T3", patient_id = "P1", facility_id = "x", scc_ag_ng_ml = 2.5}, {tumour_id = "T4", patient_id = "P1", facility_id = "x", scc_ag_ng_ml = 2.5}]
"previous.curated.primary_tumour" = [{tumour_id = "T0", patient_id = "P1", facility_id = "x", scc_ag_ng_ml = 2.5}, {tumour_id = "T1", patient_id = "P1", facility_id = "x", scc_ag_ng_ml = 2.5}, {tumour_id = "T2", patient_id = "P1", facility_id = "x", scc_ag_ng_ml = 2.5}, {tumour_id = "T3", patient_id = "P1", facility_id = "x", scc_ag_ng_ml = 2.5}, {tumour_id = "T4", patient_id = "P1", facility_id = "x", scc_ag_ng_ml = 2.5}]
[[failing]]
_told = {old_value = "5 of 5", new_value = "0 of 5"}
"curated.primary_tumour" = [{tumour_id = "T0", patient_id = "P1", facility_id = "x"}, {tumour_id = "T1", patient_id = "P1", facility_id = "x"}, {tumour_id = "T2", patient_id = "P1", facility_id = "x"}, {tumour_id = "T3", patient_id = "P1", facility_id = "x"}, {tumour_id = "T4", patient_id = "P1", facility_id = "x"}]
"previous.curated.primary_tumour" = [{tumour_id = "T0", patient_id = "P1", facility_id = "x", scc_ag_ng_ml = 2.5}, {tumour_id = "T1", patient_id = "P1", facility_id = "x", scc_ag_ng_ml = 2.5}, {tumour_id = "T2", patient_id = "P1", facility_id = "x", scc_ag_ng_ml = 2.5}, {tumour_id = "T3", patient_id = "P1", facility_id = "x", scc_ag_ng_ml = 2.5}, {tumour_id = "T4", patient_id = "P1", facility_id = "x", scc_ag_ng_ml = 2.5}]
*/
SELECT c.table_name, c.facility_id, c.record_key, c.items, true AS is_violated,
       format('{}: {} filled in the submission before, {} now', c.items, c.old_value, c.new_value) AS detail,
       c.old_value, c.new_value
FROM comparison.change AS c WHERE c.kind = 'emptied'
UNION ALL BY NAME
SELECT table_name, facility_id, false AS is_violated, n AS n_judged FROM comparison.record
