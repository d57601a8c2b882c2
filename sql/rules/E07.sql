/*
table = "omd_episode"
severity = "error"
items = ["omd_class", "history_polymet", "history_omd"]
message = "Induced disease needs an earlier polymetastatic one, repeat disease an earlier oligometastatic episode, de novo disease neither. Send the earlier disease or correct the class."
category = "conformance/relational"
source = "G"
[[passing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2015-04-10, omd_class = "metachronous_oligorecurrence"}, {episode_id = "E2", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "repeat_oligorecurrence"}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "induced_oligorecurrence"}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "repeat_oligorecurrence", history_omd = "no"}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "de_novo_synchronous"}]
event = [{event_id = "V1", patient_id = "P1", event_type = "polymet", event_date = 2016-01-01}]
*/
WITH history AS (
    SELECT e._row_id, e.omd_class,
           e.history_polymet IS NOT DISTINCT FROM 'yes' OR EXISTS (
               SELECT 1 FROM screened.event AS v WHERE v.patient_id = e.patient_id AND v.event_type = 'polymet'
                 AND v.event_date_upper < e.omd_dx_date_lower) AS had_polymet,
           e.history_omd IS NOT DISTINCT FROM 'yes' OR EXISTS (
               SELECT 1 FROM screened.omd_episode AS o WHERE o.patient_id = e.patient_id
                 AND o.omd_dx_date_upper < e.omd_dx_date_lower) AS had_omd
    FROM screened.omd_episode AS e WHERE e.omd_class IS NOT NULL
)
SELECT _row_id,
       CASE WHEN starts_with(omd_class, 'induced') THEN NOT had_polymet
            WHEN starts_with(omd_class, 'repeat') THEN NOT had_omd
            ELSE had_polymet OR had_omd END AS is_violated
FROM history
