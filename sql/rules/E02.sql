/*
table = "omd_episode"
other_table = "primary_tumour"
severity = "error"
items = ["omd_dx_date", "omd_class"]
message = "Oligometastatic disease is diagnosed after the primary; only a synchronous one may be up to {lead_days} days earlier. Correct one of the dates or the class."
category = "plausibility/temporal"
source = "N; dates as in CCR IF743"
[thresholds]
lead_days = 31
[[passing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2015-04-10, omd_class = "de_novo_synchronous"}]
[[failing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2014-04-10}]
[[failing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2015-04-10, omd_class = "metachronous_oligorecurrence"}]
[[failing]]
_severity = "warning"
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2015-07-01, omd_dx_date_precision = "year", omd_dx_date_lower = 2015-01-01, omd_dx_date_upper = 2015-12-31}]
[[passing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}, {tumour_id = "T2", patient_id = "P2", dx_date = 2015-05-01}]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2015-03-31, omd_class = "de_novo_synchronous"}, {episode_id = "E2", patient_id = "P2", omd_dx_date = 2015-05-01, omd_class = "metachronous_oligorecurrence"}]
[[failing]]
_severity = "warning"
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2015-03-15, omd_dx_date_precision = "month", omd_dx_date_lower = 2015-03-01, omd_dx_date_upper = 2015-03-31}]
*/
WITH primary_dx AS (
    SELECT patient_id, min(dx_date_lower) AS earliest, min(dx_date_upper) AS latest,
           arg_min(_row_id, dx_date_upper) AS tumour_row_id
    FROM screened.primary_tumour WHERE dx_date IS NOT NULL GROUP BY patient_id
),
gap AS (
    SELECT e._row_id, d.tumour_row_id, e.omd_dx_date_upper - d.earliest AS most, e.omd_dx_date_lower - d.latest AS least,
           CASE WHEN coalesce(e.omd_class, 'de_novo_synchronous') = 'de_novo_synchronous'
                THEN -$lead_days ELSE 0 END AS minimum
    FROM screened.omd_episode AS e JOIN primary_dx AS d USING (patient_id)
    WHERE e.omd_dx_date IS NOT NULL
)
SELECT _row_id, least < minimum AS is_violated,
       CASE WHEN most < minimum THEN 'error' ELSE 'warning' END AS severity,
       tumour_row_id AS other_row_id
FROM gap
