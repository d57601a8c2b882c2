/*
table = "omd_episode"
no_second_record = "the record is wrong by itself; others only say how it is judged"
severity = "error"
items = ["omd_class", "history_polymet", "history_omd", "active_systemic", "has_progressive_lesion"]
message = "The class of the oligometastatic disease is not the one that history, interval and systemic therapy give (ESTRO-EORTC 2020). Correct the class or the item that it rests on."
category = "conformance/computational"
source = "G,R:H"
version = 3
[[passing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "metachronous_oligorecurrence", history_polymet = "no", history_omd = "no", active_systemic = "no"}]
[[failing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "de_novo_synchronous", history_polymet = "no", history_omd = "no", active_systemic = "no"}]
[[failing]]
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "metachronous_oligorecurrence", history_polymet = "yes", active_systemic = "yes", has_progressive_lesion = true}]
[[failing]]
_severity = "warning"
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-07-01, dx_date_precision = "year", dx_date_lower = 2015-01-01, dx_date_upper = 2015-12-31}]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2016-04-10, omd_class = "de_novo_synchronous", history_polymet = "no", history_omd = "no", active_systemic = "no"}]
[[passing]]
_judged = 3
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2015-11-01, omd_class = "de_novo_synchronous", history_polymet = "no", history_omd = "no", active_systemic = "no"}, {episode_id = "E2", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "repeat_oligorecurrence", history_polymet = "no", history_omd = "yes", active_systemic = "no"}, {episode_id = "E3", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "induced_oligopersistence", history_polymet = "yes", active_systemic = "yes", has_progressive_lesion = false}, {episode_id = "E4", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "induced_oligopersistence", history_polymet = "yes", active_systemic = "unk", has_progressive_lesion = true}, {episode_id = "E5", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "induced_oligoprogression", history_polymet = "yes", active_systemic = "unk", has_progressive_lesion = false}, {episode_id = "E6", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "metachronous_oligorecurrence", history_polymet = "no", history_omd = "no", active_systemic = "yes", has_progressive_lesion = false}, {episode_id = "E7", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "repeat_oligoprogression", history_polymet = "unk", active_systemic = "no"}, {episode_id = "E8", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "induced_oligorecurrence", history_polymet = "no", active_systemic = "no"}]
[[failing]]
_told = {suggestion = "metachronous_oligorecurrence"}
_rows = 3
primary_tumour = [{tumour_id = "T1", patient_id = "P1", dx_date = 2015-05-01}]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2015-11-02, omd_class = "de_novo_synchronous", history_polymet = "no", history_omd = "no", active_systemic = "no"}, {episode_id = "E2", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "induced_oligorecurrence", history_polymet = "no", history_omd = "no", active_systemic = "no"}, {episode_id = "E3", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "de_novo_synchronous", active_systemic = "no"}]
*/
WITH primary_dx AS (
    SELECT patient_id, min(dx_date_lower) AS dx_lower, min(dx_date_upper) AS dx_upper
    FROM screened.primary_tumour WHERE dx_date IS NOT NULL GROUP BY patient_id
),
answer AS (
    SELECT e._row_id, e.omd_class,
           CASE WHEN e.history_polymet = 'yes' THEN 'induced'
                WHEN e.history_polymet = 'no' AND e.history_omd = 'yes' THEN 'repeat'
                WHEN e.history_polymet = 'no' AND e.history_omd = 'no' THEN 'de_novo'
                -- an unknown history contradicts no class that rests on one; the others are held against the dates
                WHEN NOT regexp_matches(e.omd_class, '^(induced|repeat)') THEN 'de_novo' END AS stem,
           e.omd_dx_date_lower <= d.dx_upper + to_months(CAST($synchronous_months AS INTEGER)) AS can_be_synchronous,
           e.omd_dx_date_upper > d.dx_lower + to_months(CAST($synchronous_months AS INTEGER)) AS can_be_metachronous,
           CASE WHEN e.active_systemic = 'no' THEN 'oligorecurrence'
                WHEN e.active_systemic = 'yes' AND e.has_progressive_lesion THEN 'oligoprogression'
                WHEN e.active_systemic = 'yes' AND NOT e.has_progressive_lesion THEN 'oligopersistence'
           END AS state
    FROM screened.omd_episode AS e LEFT JOIN primary_dx AS d USING (patient_id)
    WHERE e.omd_class IS NOT NULL
),
computed AS (
    -- Where the dates leave the interval open there are two classes that can be right.
    SELECT _row_id, omd_class,
           CASE WHEN stem IS NULL THEN []
                WHEN stem <> 'de_novo' THEN list_filter([stem || '_' || state], lambda one: one IS NOT NULL)
                WHEN can_be_metachronous AND (state IS NULL OR state = 'oligopersistence') THEN []
                ELSE list_filter([CASE WHEN can_be_synchronous THEN 'de_novo_synchronous' END,
                                  CASE WHEN can_be_metachronous THEN 'metachronous_' || state END],
                                 lambda one: one IS NOT NULL)
           END AS expected
    FROM answer
)
SELECT _row_id, NOT list_contains(expected, omd_class) OR len(expected) > 1 AS is_violated,
       CASE WHEN list_contains(expected, omd_class) THEN 'warning' ELSE 'error' END AS severity,
       CASE WHEN len(expected) = 1 THEN expected[1] END AS suggestion
FROM computed WHERE len(expected) > 0
