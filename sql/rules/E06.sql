/*
table = "omd_episode"
severity = "error"
items = ["omd_class", "history_polymet", "history_omd", "active_systemic", "has_progressive_lesion"]
message = "The class of the oligometastatic disease is not the one that history, interval and systemic therapy give (ESTRO-EORTC 2020). Correct the class or the item that it rests on."
category = "conformance/computational"
source = "G,R:H"
[[passing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "metachronous_oligorecurrence", history_polymet = "no", history_omd = "no", active_systemic = "no"}]
[[failing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "de_novo_synchronous", history_polymet = "no", history_omd = "no", active_systemic = "no"}]
[[failing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "metachronous_oligorecurrence", history_polymet = "yes", active_systemic = "yes", has_progressive_lesion = true}]
*/
WITH primary_dx AS (
    SELECT patient_id, min(dx_date_lower) AS dx_lower, min(dx_date_upper) AS dx_upper
    FROM screened.primary_tumour WHERE dx_date IS NOT NULL GROUP BY patient_id
),
answer AS (
    SELECT e._row_id, e.omd_class,
           CASE WHEN e.history_polymet = 'yes' THEN 'induced'
                WHEN e.history_polymet = 'no' AND e.history_omd = 'yes' THEN 'repeat'
                WHEN e.history_polymet = 'no' AND e.history_omd = 'no' THEN
                    CASE WHEN e.omd_dx_date_upper <= d.dx_lower + to_months(CAST($synchronous_months AS INTEGER))
                         THEN 'synchronous'
                         WHEN e.omd_dx_date_lower > d.dx_upper + to_months(CAST($synchronous_months AS INTEGER))
                         THEN 'metachronous' END
           END AS stem,
           CASE WHEN e.active_systemic = 'no' THEN 'oligorecurrence'
                WHEN e.active_systemic = 'yes' AND e.has_progressive_lesion THEN 'oligoprogression'
                WHEN e.active_systemic = 'yes' AND NOT e.has_progressive_lesion THEN 'oligopersistence'
           END AS state
    FROM screened.omd_episode AS e LEFT JOIN primary_dx AS d USING (patient_id)
    WHERE e.omd_class IS NOT NULL
),
computed AS (
    SELECT _row_id, omd_class,
           CASE WHEN stem = 'synchronous' THEN 'de_novo_synchronous'
                WHEN stem = 'metachronous' AND state = 'oligopersistence' THEN NULL
                ELSE stem || '_' || state END AS expected
    FROM answer
)
SELECT _row_id, omd_class <> expected AS is_violated, expected AS suggestion
FROM computed WHERE expected IS NOT NULL
