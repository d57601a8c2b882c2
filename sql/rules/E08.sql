/*
table = "omd_episode"
no_second_record = "it asks for records that are not there"
severity = "warning"
items = ["omd_class", "active_systemic"]
message = "Oligoprogression and oligopersistence are defined under systemic therapy, but none is active at the diagnosis. Send the line of therapy or correct the class."
category = "conformance/relational"
source = "G"
[[passing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "repeat_oligoprogression"}]
systemic_line = [{line_id = "S1", patient_id = "P1", start_date = 2017-01-01, end_date = 2017-06-01}]
[[failing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "repeat_oligoprogression"}]
systemic_line = [{line_id = "S1", patient_id = "P1", start_date = 2016-01-01, end_date = 2016-06-01}]
[[passing]]
omd_episode = [{episode_id = "E1", patient_id = "P1", omd_dx_date = 2017-04-10, omd_class = "repeat_oligoprogression"}]
systemic_line = [{line_id = "S1", patient_id = "P1", start_date = 2017-04-10}]
*/
SELECT e._row_id,
       e.active_systemic IS DISTINCT FROM 'yes' AND NOT EXISTS (
           SELECT 1 FROM screened.systemic_line AS s WHERE s.patient_id = e.patient_id
             -- a line without a date may have been active: it was sent, and its date is another rule's
             AND coalesce(s.start_date_lower <= e.omd_dx_date_upper, true)
             AND coalesce(s.end_date_upper, e.omd_dx_date_lower) >= e.omd_dx_date_lower
       ) AS is_violated
FROM screened.omd_episode AS e
WHERE e.omd_class LIKE '%oligoprogression' OR e.omd_class LIKE '%oligopersistence'
