/*
table = "omd_episode"
no_second_record = "it asks for records that are not there"
severity = "error"
items = ["omd_class", "history_polymet", "history_omd"]
message = "Induced disease needs an earlier polymetastatic one, repeat disease an earlier oligometastatic episode, de novo disease neither. Send the earlier disease or correct the class."
category = "conformance/relational"
source = "G"
version = 3
[[passing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2015-04-10, omd_class = "metachronous_oligorecurrence"}, {episode_id = "E2", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "repeat_oligorecurrence"}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "induced_oligorecurrence"}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "repeat_oligorecurrence", history_omd = "no"}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "de_novo_synchronous"}]
event = [{event_id = "V1", patient_id = "P1", event_type = "polymet", event_date = 2016-01-01}]
[[failing]]
_severity = "warning"
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "induced_oligorecurrence"}]
event = [{event_id = "V1", patient_id = "P1", event_type = "polymet", event_date = 2017-07-01, event_date_precision = "year", event_date_lower = 2017-01-01, event_date_upper = 2017-12-31}]
[[failing]]
_severity = "warning"
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "de_novo_synchronous"}]
event = [{event_id = "V1", patient_id = "P1", event_type = "polymet", event_date = 2017-07-01, event_date_precision = "year", event_date_lower = 2017-01-01, event_date_upper = 2017-12-31}]
[[passing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "induced_oligorecurrence", history_polymet = "yes"}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "induced_oligorecurrence"}]
event = [{event_id = "V1", patient_id = "P1", event_type = "polymet", event_date = 2017-04-10}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2015-04-10, omd_class = "metachronous_oligorecurrence"}, {episode_id = "E2", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "induced_oligorecurrence"}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "repeat_oligorecurrence"}]
event = [{event_id = "V1", patient_id = "P1", event_type = "polymet", event_date = 2016-01-01}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "de_novo_synchronous", history_omd = "yes"}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "induced_oligorecurrence", history_polymet = "yes"}, {episode_id = "E2", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "repeat_oligorecurrence"}]
[[failing]]
_severity = "warning"
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-03-05, omd_class = "induced_oligorecurrence", history_polymet = "yes"}, {episode_id = "E2", patient_id = "P1", omd_dx_date = 2017-07-01, omd_dx_date_precision = "year", omd_dx_date_lower = 2017-01-01, omd_dx_date_upper = 2017-12-31, omd_class = "repeat_oligorecurrence"}]
[[failing]]
_severity = "warning"
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-07-01, omd_dx_date_precision = "year", omd_dx_date_lower = 2017-01-01, omd_dx_date_upper = 2017-12-31, omd_class = "induced_oligorecurrence", history_polymet = "yes"}, {episode_id = "E2", patient_id = "P1", omd_dx_date = 2017-03-05, omd_class = "repeat_oligorecurrence"}]
*/
WITH earlier AS (
    SELECT patient_id, NULL AS episode_row, 'polymet' AS kind, event_date_lower AS first_day, event_date_upper AS last_day
    FROM screened.event WHERE event_type = 'polymet'
    UNION ALL
    SELECT patient_id, _row_id, 'omd', omd_dx_date_lower, omd_dx_date_upper FROM screened.omd_episode
),
history AS (
    SELECT e._row_id, any_value(e.omd_class) AS omd_class,
           any_value(e.history_polymet) IS NOT DISTINCT FROM 'yes' AS says_polymet,
           any_value(e.history_omd) IS NOT DISTINCT FROM 'yes' AS says_omd,
           coalesce(bool_or(h.kind = 'polymet' AND h.last_day < e.omd_dx_date_lower), false) AS surely_polymet,
           coalesce(bool_or(h.kind = 'polymet' AND h.first_day < e.omd_dx_date_upper), false) AS perhaps_polymet,
           coalesce(bool_or(h.kind = 'omd' AND h.last_day < e.omd_dx_date_lower), false) AS surely_omd,
           coalesce(bool_or(h.episode_row <> e._row_id AND h.first_day < e.omd_dx_date_upper), false) AS perhaps_omd
    FROM screened.omd_episode AS e LEFT JOIN earlier AS h USING (patient_id)
    WHERE e.omd_class IS NOT NULL GROUP BY e._row_id
),
judged AS (
    SELECT _row_id,
           CASE WHEN starts_with(omd_class, 'induced') THEN NOT (says_polymet OR perhaps_polymet)
                WHEN starts_with(omd_class, 'repeat') THEN NOT (says_omd OR perhaps_omd)
                ELSE says_polymet OR surely_polymet OR says_omd OR surely_omd END AS is_surely_broken,
           CASE WHEN starts_with(omd_class, 'induced') THEN NOT (says_polymet OR surely_polymet)
                WHEN starts_with(omd_class, 'repeat') THEN NOT (says_omd OR surely_omd)
                ELSE says_polymet OR perhaps_polymet OR says_omd OR perhaps_omd END AS is_perhaps_broken
    FROM history
)
SELECT _row_id, is_perhaps_broken AS is_violated,
       CASE WHEN is_surely_broken THEN 'error' ELSE 'warning' END AS severity
FROM judged
